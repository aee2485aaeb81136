"""YAML as Kubernetes reads it, document by document, with the line of each field.

A document that cannot be read costs itself, not its file: kubectl splits a file at its ``---`` lines too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from baton.cronjobs.manifests.scalars import Loader
from plain_yaml import check

Path = tuple[str | int, ...]
"""Keys and positions that lead to a value: ``("spec", "containers", 0, "image")``."""

_SEPARATOR = re.compile(r"^(?:---(?=[ \t\r]|$).*|\.\.\.[ \t\r]*)$", re.MULTILINE)
_HELM = re.compile(r"\{\{.*?\}\}")
_HELM_HELP = "; this looks like a template (Helm's?) that was not filled in: import what `helm template` prints"
_STAR = re.compile(r":[ \t]+\*[^ \t\r\n]*[ \t/]")
_STAR_HELP = "; put a value that begins with * in quotes"
_NOT_BLANK = re.compile(r"\S")
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})")


class DocumentError(ValueError):
    """A document is no YAML. ``line`` counts from 1 in the file."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """One YAML document of a file.

    :param content: None for an empty one.
    :param node: where its values stand.
    :param offset: lines before it in the file.
    """

    content: Any
    node: yaml.Node | None
    offset: int

    def line(self, path: Path = ()) -> int:
        """The line of a field in the file, counted from 1; of the deepest part of its path that exists."""
        node, line = self.node, (self.node.start_mark.line if self.node else 0)
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return self.offset + line + 1


def read_documents(text: str, reader: type[Loader] = Loader) -> Iterator[Document | DocumentError]:
    """Yield each document of a file that is not empty, or why it cannot be read.

    :param reader: what values without quotes are.
    """
    for offset, part in _split(text):
        source = _joined(part) if _is_json(part) else part
        try:
            content, node = _document(source, reader)
            if content is not None:
                yield Document(content, node, offset)
        except yaml.MarkedYAMLError as err:
            mark = err.problem_mark or err.context_mark
            line = mark.line if mark else 0
            yield DocumentError(offset + line + 1, f"{err.problem or err.context}{_help(part, line)}")
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as err:  # of tags: !!int text
            yield DocumentError(offset + 1, f"no YAML: {' '.join(str(err).split())}")


def _document(source: str, reader: type[Loader]) -> tuple[Any, yaml.Node | None]:
    check(source)
    loader = reader(source)
    try:
        node = loader.get_single_node()
        return loader.construct_document(node) if node else None, node
    finally:
        loader.dispose()


def _help(text: str, line: int) -> str:
    """What most often is the matter where YAML's own words say little."""
    if _STAR.search("".join(text.splitlines(keepends=True)[line : line + 1])):
        return _STAR_HELP
    return _HELM_HELP if _HELM.search(text) else ""


def _split(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts between the separators, with the number of lines before each."""
    if (objects := _json_objects(text)) is not None:
        yield from objects
        return
    start = 0
    for separator in _SEPARATOR.finditer(text):
        yield text.count("\n", 0, start), text[start : separator.start()]
        # What stands behind the dashes (a comment, a tag, content) belongs to the next document.
        start = separator.start() + 3
    yield text.count("\n", 0, start), text[start:]


def _json_objects(text: str) -> list[tuple[int, str]] | None:
    """The parts of a text that is one JSON object after another, as `jq` prints them; None for anything else."""
    if not _is_json(text):
        return None
    decoder, end, line, parts = json.JSONDecoder(), 0, 0, []
    while found := _NOT_BLANK.search(text, end):
        begin = found.start()
        line += text.count("\n", end, begin)
        try:
            _, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            return None
        parts.append((line, text[begin:end]))
        line += text.count("\n", begin, end)
    return parts


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _joined(text: str) -> str:
    """JSON writes a character beyond U+FFFF as two escapes, which YAML does not know."""
    return _SURROGATES.sub(lambda pair: pair[1] + json.loads(f'"{pair[2]}"'), text)


def _child(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line, item
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):  # merged keys stand before the node's own
            if key.value == part:
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
