"""YAML as Kubernetes reads it, document by document, with the line of each field.

A document that cannot be read costs itself, not its file: kubectl splits a file at its ``---`` lines too.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

Path = tuple[str | int, ...]
"""Keys and positions that lead to a value: ``("spec", "containers", 0, "image")``."""

_SEPARATOR = re.compile(r"^(?:---(?=[ \t\r]|$).*|\.\.\.[ \t\r]*)$", re.MULTILINE)
_HELM = re.compile(r"\{\{.*?\}\}")
_HELM_HELP = "; this looks like a template (Helm's?) that was not filled in: import what `helm template` prints"
_MOST_VALUES = 100_000
_STAR = re.compile(r":[ \t]+\*[^ \t\r\n]*[ \t/]")
_STAR_HELP = "; put a value that begins with * in quotes"
_INTEGER = re.compile(r"^(?:[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$")


class DocumentError(ValueError):
    """A document is no YAML. ``line`` counts from 1 in the file."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Dates and ``22:22`` stay texts, keys are texts, a key given twice is refused: as in Kubernetes."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"key {key.value} is given twice", problem_mark=key.start_mark)
                seen.add(key.value)
                key.tag = "tag:yaml.org,2002:str"
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=True)
        return mapping


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, _INTEGER if tag == "tag:yaml.org,2002:int" else pattern)
        for tag, pattern in resolvers
        if tag != "tag:yaml.org,2002:timestamp"
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


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


def read_documents(text: str) -> Iterator[Document | DocumentError]:
    """Yield each document of a file that is not empty, or why it cannot be read."""
    for offset, part in _split(text):
        loader = _Loader(part)
        try:
            node = loader.get_single_node()
            if _is_too_large(node):
                yield DocumentError(offset + 1, "aliases within aliases make it too large, or an alias is its own part")
                continue
            content = loader.construct_document(node) if node else None
            if content is not None:
                yield Document(content, node, offset)
        except RecursionError:
            yield DocumentError(offset + 1, "is nested too deeply")
        except yaml.MarkedYAMLError as err:
            mark = err.problem_mark or err.context_mark
            line = mark.line if mark else 0
            yield DocumentError(offset + line + 1, f"{err.problem or err.context}{_help(part, line)}")
        except (yaml.YAMLError, ValueError) as err:
            yield DocumentError(offset + 1, f"no YAML: {' '.join(str(err).split())}")
        finally:
            loader.dispose()


def _is_too_large(node: yaml.Node | None) -> bool:
    """Whether there are more values than any manifest has, each alias counted as what it stands for."""
    waiting, count = [node], 0
    while waiting and count <= _MOST_VALUES:
        current = waiting.pop()
        count += 1
        if isinstance(current, yaml.SequenceNode):
            waiting += current.value
        elif isinstance(current, yaml.MappingNode):
            waiting += [value for _, value in current.value]
    return count > _MOST_VALUES


def _help(text: str, line: int) -> str:
    """What most often is the matter where YAML's own words say little."""
    if _STAR.search("".join(text.splitlines(keepends=True)[line : line + 1])):
        return _STAR_HELP
    return _HELM_HELP if _HELM.search(text) else ""


def _split(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts between the separators, with the number of lines before each."""
    start = 0
    for separator in _SEPARATOR.finditer(text):
        yield text.count("\n", 0, start), text[start : separator.start()]
        # What stands behind the dashes (a comment, a tag, content) belongs to the next document.
        start = separator.start() + 3
    yield text.count("\n", 0, start), text[start:]


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
