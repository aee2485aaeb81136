"""YAML as Kubernetes reads it, document by document, with the line of each field.

A document that cannot be read costs itself, not its file: kubectl splits a file at its ``---`` lines too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from baton.cronjobs.manifests.json_documents import JsonError, decoded, json_objects
from baton.cronjobs.manifests.quoting import refuse_slashes, with_apostrophes
from baton.cronjobs.manifests.scalars import Loader, is_merge, merged_mappings
from baton.cronjobs.manifests.unfilled import help_of, line_of_ytt, may_be_unfilled
from plain_yaml import check

Path = tuple[str | int, ...]
"""Keys and positions that lead to a value: ``("spec", "containers", 0, "image")``."""

_SEPARATOR = re.compile(r"^(?:---(?=[ \t\r]|$).*|\.\.\.[ \t\r]*)$", re.MULTILINE)
_QUOTES = re.compile(r"(?:^|[:\-])[ \t]+(?P<sign>[*@`%&])[^\r\n]*")
_OF_A_SIGN = re.compile("start any token|alphabetic or numeric")
_BEGIN = re.compile(r"^(?![ \t]*(?:#|\r?$)).", re.MULTILINE)
"""The first line with anything but a comment in it."""
_TAB = re.compile(r"^ *\t")
_HALVES = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""Of characters that JSON writes as two escapes, which YAML does not know; where lines begin they do not matter."""
_COLON = re.compile(r":[ \t].*:(?:[ \t]|$)")


class DocumentError(ValueError):
    """A document is no YAML. ``line`` counts from 1 in the file."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """One YAML document of a file.

    :param content: None for an empty one.
    :param source: its text, which is read once more when somebody asks for lines; empty where it has none.
    :param offset: lines before it in the file.
    """

    content: Any
    source: str
    offset: int
    reader: type[Loader] = Loader

    def line(self, path: Path = ()) -> int:
        """The line of a field in the file, counted from 1; of the deepest part of its path that exists."""
        if not path and (begin := _BEGIN.search(self.source)):
            return self.offset + self.source.count("\n", 0, begin.start()) + 1
        node, line = self.node, (self.node.start_mark.line if self.node else 0)
        for part in path:
            found = _child(node, part, self.reader)
            if found is None:
                break
            line, node = found
        return self.offset + line + 1

    @cached_property
    def may_be_unfilled(self) -> bool:
        """Whether anything in it may have to be filled in. Asked for each CronJob, and a List holds many."""
        return not self.source or may_be_unfilled(self.source)

    @cached_property
    def ytt_line(self) -> int | None:
        """The line of the file with ytt's first note; None without any."""
        line = line_of_ytt(self.source)
        return None if line is None else self.offset + line

    @cached_property
    def node(self) -> yaml.Node | None:
        """The nodes of its source, with their places in it."""
        return _composed(self.source, self.reader) if self.source else None  # rarely asked for, and large


def read_documents(text: str, reader: type[Loader] = Loader) -> Iterator[Document | DocumentError]:
    """Yield each document of a file that is not empty, or why it cannot be read.

    :param reader: what values without quotes are.
    """
    for offset, part in _split(text):
        try:
            document = _json(part, offset) if reader is Loader else None
            document = document or _yaml(part, offset, reader)
            if document.content is not None:
                yield document
        except yaml.MarkedYAMLError as err:
            mark = err.problem_mark or err.context_mark
            line = mark.line if mark else 0
            yield DocumentError(offset + line + 1, _worded(err, part, line))
        except (yaml.YAMLError, ValueError) as err:  # such as a character that no YAML may have
            yield DocumentError(offset + 1, f"no YAML: {' '.join(str(err).split())}")


def _json(part: str, offset: int) -> Document | None:
    """A document that is JSON, whose reader is another one; None for any other."""
    try:
        content = decoded(part)
    except JsonError:
        return None
    return Document(content, _HALVES.sub(r"\\ufffd", part), offset)


def _yaml(part: str, offset: int, reader: type[Loader]) -> Document:
    is_like_json = part.lstrip().startswith("{")
    source = with_apostrophes(_HALVES.sub(r"\\ufffd", part) if is_like_json else part)
    check(source)
    node = _composed(source, reader)
    refuse_slashes(source, node)
    return Document(reader.value(node) if node else None, source, offset, reader)


def _composed(source: str, reader: type[Loader]) -> yaml.Node | None:
    loader = reader(source)
    try:
        node: yaml.Node | None = loader.get_single_node()
        return node
    finally:
        loader.dispose()


def _worded(err: yaml.MarkedYAMLError, part: str, line: int) -> str:
    """What is wrong, and what most often is the matter where YAML's own words say little."""
    text = "".join(part.splitlines(keepends=True)[line : line + 1])
    if _TAB.search(text):
        return "a tab, where YAML takes blanks only"
    problem = str(err.problem or err.context)
    if help_text := help_of(text):
        return f"{problem}; {help_text}"
    if _OF_A_SIGN.search(problem) and (found := _QUOTES.search(text)):
        return f"{problem}; put a value that begins with {found['sign']} in quotes"
    if "mapping values" in problem and _COLON.search(text):
        return f"{problem}; put a value with a colon and a blank in quotes"
    help_text = help_of(part)
    return f"{problem}; {help_text}" if help_text else problem


def _split(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts between the separators, with the number of lines before each."""
    if (objects := json_objects(text)) is not None:
        yield from objects
        return
    yield from ((line, text[begin:end]) for line, begin, end in document_parts(text))


def document_parts(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield for each document of YAML the number of lines before it, where it begins and where it ends."""
    start = line = 0
    for separator in _SEPARATOR.finditer(text):
        yield line, start, separator.start()
        line += text.count("\n", start, separator.start())
        # What stands behind the dashes (a comment, a tag, content) belongs to the next document.
        start = separator.start() + 3
    yield line, start, len(text)


def _child(node: yaml.Node | None, part: str | int, reader: type[Loader]) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line, item
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):  # what stands last wins
            if is_merge(key):
                found = [_child(each, part, reader) for each in merged_mappings(value)]
                if last := [each for each in found if each is not None]:
                    return last[-1]
            elif reader.key(key) == part:
                return key.start_mark.line, value
    return None


def written(path: Path) -> str:
    """A path as Kubernetes writes it: ``spec.containers[0].image``; keys with dots in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif "." in part or "/" in part:
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
