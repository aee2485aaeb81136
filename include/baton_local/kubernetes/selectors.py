"""Label and field selectors, parsed as kube-apiserver parses them.

Source: https://github.com/kubernetes/apimachinery/blob/master/pkg/labels/selector.go
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import bad_request

Predicate = Callable[[Mapping[str, Any]], bool]

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
            raise bad_request(f"found '{token}', expected: {wanted}")
        return token


def labels(text: str) -> Predicate:
    """A predicate on objects for ``labelSelector``; an empty text takes all.

    :raises ApiError: 400, the text is no selector.
    """
    tokens = _Tokens(text)
    requirements: list[Callable[[Mapping[str, str]], bool]] = []
    while tokens.peek():
        requirements.append(_requirement(tokens))
        if tokens.peek() and tokens.take() != ",":
            raise bad_request(f"unable to parse requirement: found '{tokens.peek()}', expected: ',' or 'end of string'")
    return lambda obj: all(fits(obj["metadata"].get("labels") or {}) for fits in requirements)


def _requirement(tokens: _Tokens) -> Callable[[Mapping[str, str]], bool]:
    if tokens.peek() == "!":
        tokens.take()
        absent = tokens.identifier("identifier")
        return lambda found: absent not in found
    key = tokens.identifier("!, identifier, or 'end of string'")
    if tokens.peek() in ("", ","):
        return lambda found: key in found
    operator = tokens.take()
    if operator in ("in", "notin"):
        return _membership(key, operator, _values(tokens))
    if operator not in _OPERATORS:
        raise bad_request(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
    value = "" if tokens.peek() in ("", ",") else tokens.identifier("identifier")
    if operator in ("=", "=="):
        return lambda found: found.get(key) == value
    if operator == "!=":
        return lambda found: found.get(key) != value
    return _comparison(key, operator, value)


def _values(tokens: _Tokens) -> frozenset[str]:
    if tokens.take() != "(":
        raise bad_request("found '', expected: '('")
    values = {""} if tokens.peek() in (")", ",") else set()
    while tokens.peek() not in ("", ")"):
        word = tokens.take()
        if word != ",":
            values.add(word)
    if tokens.take() != ")":
        raise bad_request("found '', expected: ',' or ')'")
    return frozenset(values)


def _membership(key: str, operator: str, values: frozenset[str]) -> Callable[[Mapping[str, str]], bool]:
    if operator == "in":
        return lambda found: key in found and found[key] in values
    return lambda found: key not in found or found[key] not in values


def _comparison(key: str, operator: str, value: str) -> Callable[[Mapping[str, str]], bool]:
    if not re.fullmatch(r"-?\d+", value):
        raise bad_request(f"for 'Gt', 'Lt' operators, the value must be an integer: {value}")
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
