"""The expressions in job files: Jinja's, in its sandbox, on plain values.

A text that is one expression and nothing else, `"{{ orders }}"`, gives that expression's value, of whatever kind; any
other text is filled in. Only values are expressions, never what is executed: SQL gets bound parameters, the path of a
URL quoted segments, a pod's command line none at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from baton.exceptions import PermanentError

MAX_CHARACTERS = 4 << 20
"""Of a text that an expression makes."""
_MAX_BITS = 4096
_WHOLE = re.compile(r"\s*\{\{(?P<expression>(?:(?!\{\{|\}\}|\{%|%\}).)*)\}\}\s*", re.DOTALL)
_MARKS = ("{{", "{%", "{#")


class ExpressionError(PermanentError):
    """An expression has no value; the message quotes the expression and no data."""


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox in which two operators cannot make gigabytes out of a few characters either."""

    intercepted_binops = frozenset(["*", "**"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and isinstance(left, int) and left.bit_length() * abs(right) > _MAX_BITS:
            raise SecurityError(f"numbers of more than {_MAX_BITS} bits are not computed")
        sized = next((each for each in (left, right) if isinstance(each, str | list | tuple)), None)
        if operator == "*" and sized is not None:
            count = right if sized is left else left
            if not isinstance(count, int) or len(sized) * max(count, 0) > MAX_CHARACTERS:
                raise SecurityError("the result would be too large")
        return super().call_binop(context, operator, left, right)


_ENVIRONMENT = _Environment(undefined=StrictUndefined, keep_trailing_newline=True)


def has_expression(text: str) -> bool:
    """Whether a text is more than plain."""
    return any(mark in text for mark in _MARKS)


def evaluated(value: Any, names: Mapping[str, Any]) -> Any:
    """A value with all expressions in it replaced, at any depth; keys of mappings stay.

    :raises ExpressionError: one has no value.
    """
    if isinstance(value, str):
        return _text(value, names)
    if isinstance(value, Mapping):
        return {key: evaluated(each, names) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [evaluated(each, names) for each in value]
    return value


def value_of(expression: str, names: Mapping[str, Any]) -> Any:
    """The value of an expression that stands without braces, as in `for_each` and `when`.

    :raises ExpressionError: it has none.
    """
    with _named(expression):
        return _plain(_compiled(expression)(**names))


def _text(text: str, names: Mapping[str, Any]) -> Any:
    if not has_expression(text):
        return text
    if whole := _WHOLE.fullmatch(text):
        return value_of(whole["expression"], names)
    with _named(text):
        pieces, size = [], 0
        for piece in _template(text).generate(**names):
            size += len(piece)
            if size > MAX_CHARACTERS:
                raise SecurityError("the text would be too large")
            pieces.append(piece)
        return "".join(pieces)


def _plain(value: Any) -> Any:
    """The value as JSON has it; what an expression finds beside that (methods, Jinja's own helpers) is refused."""
    if isinstance(value, Undefined):
        str(value)  # raises, and names what is missing
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | Iterator):
        return [_plain(each) for each in value]
    raise SecurityError(f"its value is no data but {type(value).__name__}")


class _named:
    """Turn what Jinja and what it calls raises into an error that quotes the expression."""

    def __init__(self, text: str) -> None:
        self._text = " ".join(text.split())[:120]

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, err: BaseException | None, traceback: object) -> None:
        if isinstance(err, TemplateSyntaxError | UndefinedError | SecurityError):
            raise ExpressionError(f"{self._text!r}: {err}") from err
        if isinstance(err, Exception) and not isinstance(err, ExpressionError):
            # Its words may quote data, which stays out of logs.
            raise ExpressionError(f"{self._text!r} has no value: {type(err).__name__}") from err


@lru_cache(maxsize=2048)
def _compiled(expression: str) -> Any:
    return _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)


@lru_cache(maxsize=2048)
def _template(text: str) -> Any:
    return _ENVIRONMENT.from_string(text)


def problems_in(value: Any, known: frozenset[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield path and words of each expression in a value that cannot have a value.

    :param known: the names that there will be.
    """
    if isinstance(value, str) and has_expression(value):
        if words := _problem(value, known):
            yield (), words
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from (((key, *path), words) for path, words in problems_in(each, known))
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from (((number, *path), words) for path, words in problems_in(each, known))


def problem_in_expression(expression: str, known: frozenset[str]) -> str:
    """What is wrong with an expression that stands without braces; empty if nothing is."""
    if has_expression(expression):
        return "is an expression already: leave the braces out"
    return _problem("{{" + expression + "}}", known)


def _problem(text: str, known: frozenset[str]) -> str:
    try:
        tree = _ENVIRONMENT.parse(text)
        unknown = meta.find_undeclared_variables(tree) - known
        forbidden = next(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)), None)
        _template(text)  # unknown filters and tests are found when it is compiled
    except TemplateSyntaxError as err:
        return f"is no expression: {err.message}"
    except (RecursionError, MemoryError):
        return "is no expression: it is nested too deep"
    if forbidden is not None:
        return "reads another file, which expressions cannot do"
    if unknown:
        return f"{', '.join(sorted(unknown))} is not known here; known are {', '.join(sorted(known))}"
    return ""
