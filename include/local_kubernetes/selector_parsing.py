"""Label and field selectors, parsed as kube-apiserver parses them.

Source: https://github.com/kubernetes/apimachinery/blob/master/pkg/labels/selector.go
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import Cause, bad_request
from .names import check_label_key, check_label_value

Predicate = Callable[[Mapping[str, Any]], bool]
Requirement = Callable[[Mapping[str, str]], bool]

_TOKEN = re.compile(r"\s*(==|!=|=|!|\(|\)|,|>|<|[^\s=!(),<>]+)")
_OPERATORS = {"=", "==", "!=", "in", "notin", ">", "<"}
_RESERVED = frozenset({"=", "==", "!=", ">", "<", "(", ")", ",", "!"})


class _Tokens:
    def __init__(self, text: str) -> None:
        self._rest = _TOKEN.findall(text)

    def peek(self) -> str:
        return self._rest[0] if self._rest else ""

    def take(self) -> str:
        return self._rest.pop(0) if self._rest else ""

    def identifier(self, wanted: str) -> str:
        token = self.take()
        if not token or token in _RESERVED:
            raise ParseError(f"found '{token}', expected: {wanted}")
        return token


class ParseError(ValueError):
    """A label selector cannot be read; the text is apimachinery's."""


def labels(text: str) -> Predicate:
    """A predicate on objects for ``labelSelector``; an empty text takes all.

    :raises ApiError: 400, the text is no selector.
    """
    try:
        requirements = list(_requirements(_Tokens(text)))
    except ParseError as err:
        raise bad_request(str(err)) from err
    return lambda obj: all(fits(obj["metadata"].get("labels") or {}) for fits in requirements)


def _requirements(tokens: _Tokens) -> Iterator[Requirement]:
    while tokens.peek():
        if tokens.peek() in _RESERVED and tokens.peek() != "!":
            raise ParseError(f"found '{tokens.peek()}', expected: !, identifier, or 'end of string'")
        try:
            yield _requirement(tokens)
        except ParseError as err:
            raise ParseError(f"unable to parse requirement: {err}") from err
        comma = tokens.take()
        if comma not in ("", ","):
            raise ParseError(f"found '{comma}', expected: ',' or 'end of string'")
        following = tokens.peek()
        if comma and (not following or (following in _RESERVED and following != "!")):
            raise ParseError(f"found '{following}', expected: identifier after ','")


def _requirement(tokens: _Tokens) -> Requirement:
    absent = tokens.peek() == "!"
    if absent:
        tokens.take()
    key = tokens.identifier("identifier")
    _refuse(check_label_key(key, "<nil>"))
    if absent:
        return lambda found: key not in found
    if tokens.peek() in ("", ","):
        return lambda found: key in found
    operator = tokens.take()
    if operator in ("in", "notin"):
        return _membership(key, operator, _values(tokens, key))
    if operator not in _OPERATORS:
        raise ParseError(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
    value = "" if tokens.peek() in ("", ",") else tokens.identifier("identifier")
    if operator not in (">", "<"):
        _refuse(check_label_value(value, f"values[0][{key}]"))
    if operator in ("=", "=="):
        return lambda found: found.get(key) == value
    if operator == "!=":
        return lambda found: found.get(key) != value
    return _comparison(key, operator, value)


def _refuse(causes: list[Cause]) -> None:
    if causes:
        first, *rest = causes
        more = "".join(f"; {cause.message.partition(': ')[2].partition(': ')[2]}" for cause in rest)
        raise ParseError(f"{first.field}: {first.message}{more}")


def _values(tokens: _Tokens, key: str) -> frozenset[str]:
    opening = tokens.take()
    if opening != "(":
        raise ParseError(f"found '{opening}' expected: '('")
    values = {""} if tokens.peek() in (")", ",") else set()
    while tokens.peek() != ")":
        word = tokens.take()
        if word == ",":
            values |= {""} if tokens.peek() in (")", ",") else set()
            continue
        if not word or word in _RESERVED:
            raise ParseError(f"found '{word}', expected: ',', or identifier")
        values.add(word)
        if tokens.peek() not in (",", ")"):
            raise ParseError(f"found '{tokens.peek()}', expected: ',' or ')'")
    tokens.take()
    for position, value in enumerate(sorted(values)):
        _refuse(check_label_value(value, f"values[{position}][{key}]"))
    return frozenset(values)


def _membership(key: str, operator: str, values: frozenset[str]) -> Requirement:
    if operator == "in":
        return lambda found: key in found and found[key] in values
    return lambda found: key not in found or found[key] not in values


def _comparison(key: str, operator: str, value: str) -> Requirement:
    if not re.fullmatch(r"[-+]?\d+", value):
        help_text = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise ParseError(f'values[0]: Invalid value: "{value}": {help_text}')
    limit = int(value)

    def compare(found: Mapping[str, str]) -> bool:
        have = found.get(key, "")
        if not re.fullmatch(r"-?\d+", have):
            return False
        return int(have) > limit if operator == ">" else int(have) < limit

    return compare


def fields(text: str, supported: frozenset[str]) -> Predicate:
    """A predicate on objects for ``fieldSelector``.

    :param supported: paths this kind can be selected by, such as ``status.phase``.
    :raises ApiError: 400, no selector or a path that is not supported.
    """
    terms: list[tuple[str, bool, str]] = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"([^=!]+)(==|!=|=)(.*)", part)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        path, operator, value = match.groups()
        if path not in supported:
            raise bad_request(f"field label not supported: {path}")
        terms.append((path, operator != "!=", value))
    return lambda obj: all((at(obj, path) == value) is equal for path, equal, value in terms)


def at(obj: Mapping[str, Any], path: str) -> str:
    """The value below a dotted path as a text; empty when something on the way is missing."""
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def selector_text(selector: Mapping[str, Any]) -> str:
    """A ``LabelSelector`` as the text that ``labelSelector`` takes.

    Source: apimachinery's metav1.FormatLabelSelector.
    """
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for term in selector.get("matchExpressions") or []:
        key, values = term["key"], ",".join(sorted(term.get("values") or []))
        words = {"Exists": key, "DoesNotExist": f"!{key}", "NotIn": f"{key} notin ({values})"}
        parts.append(words.get(term["operator"], f"{key} in ({values})"))
    return ",".join(parts)
