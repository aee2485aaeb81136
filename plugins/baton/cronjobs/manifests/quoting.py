r"""Escapes in double quotes: Kubernetes' reader knows ``\'`` and not ``\/``, libyaml ``\/`` and not ``\'``.

Source: yaml_parser_scan_flow_scalar of go.yaml.in/yaml/v2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

_SLASH = re.compile(r"(?<!\\)(?:\\\\)*\\/")
_MAX_REPAIRS = 100
"""Texts in double quotes of one document, for each of which the document is parsed once more."""


def with_apostrophes(source: str) -> str:
    r"""The same document with ``'`` for each ``\'`` in double quotes; anything else as it is."""
    if "\\'" not in source:
        return source
    lines = source.splitlines(keepends=True)
    for _ in range(_MAX_REPAIRS):
        mark = _unknown_escape("".join(lines))
        if mark is None or not _repair(lines, mark.line, mark.column):
            break
    return "".join(lines)


def _unknown_escape(source: str) -> yaml.Mark | None:
    """Where the first one is."""
    try:
        for _ in yaml.parse(source, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            pass
    except yaml.MarkedYAMLError as err:
        return err.problem_mark if "unknown escape" in str(err.problem) else None
    return None


def _repair(lines: list[str], row: int, column: int) -> bool:
    """Write ``'`` for each of them from a place inside a text in double quotes to its end; False if there is none."""
    begin = lines[row].rfind("\\", 0, column + 2)
    if lines[row][begin : begin + 2] != "\\'":
        return False
    lines[row] = lines[row][:begin] + lines[row][begin + 1 :]
    position = begin + 1
    while row < len(lines):
        if _to_the_end(lines, row, position):
            break
        row, position = row + 1, 0
    return True


def _to_the_end(lines: list[str], row: int, position: int) -> bool:
    """Repair one line of a text in double quotes; True if the text ends in it."""
    line = lines[row]
    while position < len(line) and line[position] != '"':
        if line[position] != "\\":
            position += 1
        elif line[position + 1 : position + 2] == "'":
            line = line[:position] + line[position + 1 :]
            position += 1
        else:
            position += 2
    lines[row] = line
    return position < len(line)


def refuse_slashes(source: str, node: yaml.Node | None) -> None:
    r"""Refuse ``\/`` in double quotes.

    :raises yaml.MarkedYAMLError: there is one.
    """
    if "\\/" not in source:
        return
    for scalar in _scalars(node):
        if scalar.style == '"' and _SLASH.search(source[scalar.start_mark.index : scalar.end_mark.index]):
            problem = "found unknown escape character \\/: write / without the backslash"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=scalar.start_mark)


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    seen, rest = set[int](), [node]
    while rest:
        each = rest.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, yaml.ScalarNode):
            yield each
        elif isinstance(each, yaml.SequenceNode):
            rest += each.value
        else:
            rest += [part for pair in each.value for part in pair]
