"""What is refused before a document is made: depth, what aliases stand for, digits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

MAX_DEPTH = 100
"""Levels of lists and mappings. Kubernetes' own schemas have about 20."""
_MAX_BORROWED = 100_000
"""Values that aliases stand for, each counted as often as it is meant."""
_MAX_DIGITS = 100
"""Of a whole number: Python refuses to write one of more than 4,300, in messages too."""
_WHOLE = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*(?::[0-9_]+)*)")
_SUSPECT = re.compile(
    r"(?:^|[\s\[{,:?-])&[\w.-]"  # an anchor, without which there is no alias
    r"|[0-9][0-9a-fA-FxXoO_:]{99}"  # many digits
    r"|^[ \t?:-]{35}"  # what may begin a part of a part of a part …
    r"|\r(?!\n)|[\x85\u2028\u2029]",  # a line that this expression would not see
    re.MULTILINE,
)
_FEW_BRACKETS = 28
"""With them and 35 columns, in each of which a mapping and its list may begin, no text is nested too deeply."""
_INT = "tag:yaml.org,2002:int"
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class _Part:
    """A list or mapping: how many values and levels it has, itself included, its aliases' parts too."""

    anchor: str | None
    values: int = 1
    height: int = 1

    def take(self, values: int, height: int) -> None:
        self.values += values
        self.height = max(self.height, height + 1)


def check(text: str | bytes) -> None:
    """Look through all documents of a text; takes time and memory that are linear in it.

    :raises yaml.MarkedYAMLError: it is too deep, too large by its aliases, an alias is its own part; or it is no YAML,
        unless that is left to whoever reads it: most texts are seen to be harmless without a parser.
    :raises ValueError: it is no UTF-8.
    """
    if isinstance(text, str) and _is_harmless(text):
        return
    document = _Document()
    for event in yaml.parse(text, Loader=_PARSER):
        if isinstance(event, yaml.DocumentStartEvent):
            document = _Document()
        elif isinstance(event, yaml.CollectionStartEvent):
            document.begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            document.end()
        elif isinstance(event, yaml.ScalarEvent):
            document.scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            document.alias(event)


def _is_harmless(text: str) -> bool:
    """Whether nothing that is refused can be in it, as far as regular expressions can tell."""
    return text.count("[") + text.count("{") <= _FEW_BRACKETS and _SUSPECT.search(text) is None


class _Document:
    """One document, as far as it was looked at."""

    def __init__(self) -> None:
        self._open: list[_Part] = []
        self._anchors: dict[str, _Part | None] = {}
        self._borrowed = 0

    def begin(self, event: yaml.CollectionStartEvent) -> None:
        self._open.append(_Part(event.anchor))
        self._be_flat(0, event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None

    def end(self) -> None:
        part = self._open.pop()
        if part.anchor is not None:
            self._anchors[part.anchor] = part
        self._take(part.values, part.height)

    def scalar(self, event: yaml.ScalarEvent) -> None:
        is_number = event.tag == _INT or (event.implicit[0] and _WHOLE.fullmatch(event.value))
        if len(event.value) > _MAX_DIGITS and is_number:
            raise _refusal(event, f"a number has more than {_MAX_DIGITS} digits")
        if event.anchor is not None:
            self._anchors[event.anchor] = _Part(event.anchor, height=0)
        self._take(1, 0)

    def alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            raise _refusal(event, "an alias stands for nothing that was named before")
        part = self._anchors[event.anchor]
        if part is None:
            raise _refusal(event, "an alias is its own part")
        self._borrowed += part.values
        if self._borrowed > _MAX_BORROWED:
            raise _refusal(event, "aliases within aliases make it too large")
        self._be_flat(part.height, event)
        self._take(part.values, part.height)

    def _take(self, values: int, height: int) -> None:
        if self._open:
            self._open[-1].take(values, height)

    def _be_flat(self, height: int, event: yaml.Event) -> None:
        if len(self._open) + height > MAX_DEPTH:
            raise _refusal(event, f"it is nested more than {MAX_DEPTH} levels deep")


def _refusal(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)  # type: ignore[arg-type]  # the stubs know one kind of mark
