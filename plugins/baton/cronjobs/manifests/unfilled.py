"""Places that were to be filled in before Kubernetes reads the file: ``${NAME}``, ``<NAME>``, ``{{ … }}``.

Kubernetes takes them as they are: as a wrong name, or, in an image, as one that no node can pull.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

IMPORT = "./baton import -"
_BY_HAND = "write the value in its place, or give --fix FOLDER --set NAME=VALUE"
_FORMS = (
    (re.compile(r"\{\{.*?\}\}|\{%"), f"import what the template's program prints: helm template … | {IMPORT}"),
    (re.compile(r"<%"), f"import what the template's program prints: … | {IMPORT}"),
    (re.compile(r"\$\{\{\s*\w+\s*\}\}"), f"import what this prints: oc process --local -f FILE -o yaml | {IMPORT}"),
    (re.compile(r"\$\{[^}]*\}|\$[A-Za-z_]\w*"), f"import what this prints: envsubst < FILE | {IMPORT}"),
    (re.compile(r"\$\([^)]*\)"), _BY_HAND),
    (re.compile(r"<[A-Za-z][^<>\n]*>"), _BY_HAND),
    (re.compile(r"#\{[^}]*\}#?|%%?[A-Z]\w*%%?|@@?[A-Z]\w*@@?|__[A-Z][A-Z0-9_]*__"), _BY_HAND),
)
_SIGN = re.compile(r"[$<{%@#]|__")
_YTT = re.compile(r"(?:^|[ \t])(#@(?:[ \t]|overlay/|data/|schema/))", re.MULTILINE)
_WHOLE_VALUE = re.compile(r"\$\{\{?\s*[A-Za-z_]\w*\s*\}?\}|\{\{[^{}]*\}\}|<[A-Za-z][\w -]*>|__[A-Z][A-Z0-9_]*__")
_FREE = frozenset({"command", "args", "annotations", "labels", "matchLabels", "value", "values"})
"""Fields below which such signs may be meant as they stand."""
_EXPANDED = ("subPathExpr",)


def line_of_ytt(source: str) -> int | None:
    """The line of the first note to ytt, which to YAML is a comment: it counts from 1; None without any."""
    found = _YTT.search(source)
    return source.count("\n", 0, found.start(1)) + 1 if found else None


def help_of(text: str) -> str:
    """What to do about a text that holds such a place; empty if it holds none that a template would have."""
    for pattern, advice in _FORMS[:2]:
        if pattern.search(text):
            return f"this looks like a template that was not filled in: {advice}"
    return ""


def may_be_unfilled(text: str) -> bool:
    """Whether any of the signs stands in a text."""
    return _SIGN.search(text) is not None


def not_filled_in(text: str) -> str | None:
    """Say of a text that it was not filled in; None if nothing in it looks like that."""
    if not may_be_unfilled(text):
        return None
    for pattern, advice in (_FORMS[2], *_FORMS[:2], *_FORMS[3:]):
        if found := pattern.search(text):
            return f"{found.group()} was not filled in yet: {advice}"
    return None


def unfilled_places(content: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield each field that holds such a place, where Kubernetes has no use for those signs, and what to do."""
    if isinstance(content, dict):
        for key, inner in content.items():
            if key not in _FREE:
                yield from unfilled_places(inner, (*path, key))
    elif isinstance(content, list):
        for position, inner in enumerate(content):
            yield from unfilled_places(inner, (*path, position))
    elif isinstance(content, str) and path[-1] not in _EXPANDED and (why := not_filled_in(content)):
        yield path, why


def note_of(value: Any) -> str:
    """What to say of a value that is free, such as a variable's, but is such a place as a whole; else empty."""
    if isinstance(value, str) and _WHOLE_VALUE.fullmatch(value):
        return f"{value} reaches the container as it stands: Kubernetes fills in $(NAME) only"
    return ""
