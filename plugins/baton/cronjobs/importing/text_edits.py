"""Change a YAML text at the places of its nodes, and leave everything else of it as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from baton.cronjobs.manifests.scalars import Loader
from baton.cronjobs.manifests.yaml_documents import Path

Pair = tuple[yaml.Node, yaml.Node, yaml.MappingNode | None]
"""A key, its value, and the mapping that they stand in; an item of a list is its own key, in no mapping."""
_AFTER, _BEFORE = re.compile(r"\s*,[ \t]*"), re.compile(r",\s*$")


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Some text instead of what stands from one place to another."""

    begin: int
    end: int
    text: str


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits that do not touch an earlier one."""
    pieces, end = [], 0
    for edit in sorted(set(edits)):
        if edit.begin >= end:
            pieces += [text[end : edit.begin], edit.text]
            end = edit.end
    return "".join([*pieces, text[end:]])


def pair_at(node: yaml.Node | None, path: Path, reader: type[Loader]) -> Pair | None:
    """The pair that a path leads to, if it stands there itself: neither merged nor behind an alias."""
    found: Pair | None = None
    for part in path:
        found = _step(node, part, reader)
        if found is None or found[1].start_mark.index < found[0].start_mark.index:  # an alias
            return None
        node = found[1]
    return found


def _step(node: yaml.Node | None, part: str | int, reader: type[Loader]) -> Pair | None:
    if isinstance(node, yaml.MappingNode):
        return next(
            (
                (key, value, node)
                for key, value in node.value
                if isinstance(key, yaml.ScalarNode) and reader.key(key) == part
            ),
            None,
        )
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part], None
    return None


def replaced(pair: Pair | None, text: str) -> Edit | None:
    """Another value."""
    if pair is None or not isinstance(pair[1], yaml.ScalarNode) or pair[1].style in ("|", ">"):
        return None
    return Edit(pair[1].start_mark.index, pair[1].end_mark.index, text)


def inserted(source: str, before: Pair | None, name: str, value: str) -> Edit | None:
    """One more field, before another one."""
    if before is None or before[2] is None:
        return None
    place = before[0].start_mark
    if before[2].flow_style:
        return Edit(place.index, place.index, f"{name}: {value}, ")
    line_begin = place.index - place.column
    if source[line_begin : place.index].strip():  # behind a dash
        return Edit(place.index, place.index, f"{name}: {value}\n{' ' * place.column}")
    return Edit(line_begin, line_begin, f"{' ' * place.column}{name}: {value}\n")


def deleted(source: str, pair: Pair | None) -> Edit | None:
    """A field less; a mapping that would be empty keeps its braces."""
    key, value, mapping = pair or (None, None, None)
    if key is None or value is None or mapping is None:
        return None
    begin, end = key.start_mark.index, value.end_mark.index
    if mapping.flow_style:
        if after := _AFTER.match(source, end):
            return Edit(begin, after.end(), "")
        before = _BEFORE.search(source, 0, begin)
        return Edit(before.start() if before else begin, end, "")
    line_begin = begin - key.start_mark.column
    if len(mapping.value) == 1 or source[line_begin:begin].strip():
        return None  # what is left would be another thing: nothing, or a list's item without its first line
    return Edit(line_begin, _end_of_block(source, begin, key.start_mark.column), "")


def _end_of_block(source: str, begin: int, column: int) -> int:
    """Where the lines end that belong to a key in this column."""
    end = _line_end(source, begin)
    place = end
    while place < len(source):
        line = source[place : _line_end(source, place)]
        indent = len(line) - len(line.lstrip(" "))
        is_item = indent == column and line.lstrip().startswith(("- ", "-\n"))
        if line.strip() and not is_item and indent <= column:
            break
        place = _line_end(source, place)
        end = place if line.strip() else end
    return end


def _line_end(source: str, place: int) -> int:
    found = source.find("\n", place)
    return len(source) if found < 0 else found + 1
