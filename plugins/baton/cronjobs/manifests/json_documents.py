"""JSON among manifests, which kubectl gives to a reader of its own: as `kubectl get -o json` and `jq` print it."""

from __future__ import annotations

import json
import re
from typing import Any

from plain_yaml import MAX_DEPTH

_NOT_BLANK = re.compile(r"\S")
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}]')
_WRITTEN_OUT = 1e21


class JsonError(ValueError):
    """A text is no JSON, or has what this reader leaves to YAML's: a key twice, more levels than are read."""


def json_objects(text: str) -> list[tuple[int, str]] | None:
    """The parts of a text that is one JSON object after another, each with the lines before it; None for another."""
    if not text.lstrip().startswith("{"):
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


def decoded(text: str) -> Any:
    """What a JSON object holds.

    :raises JsonError: it is none, or YAML's reader words better what is wrong with it.
    """
    if not text.startswith("{") or _is_deep(text):
        raise JsonError("no JSON object")
    try:
        return json.loads(text, object_pairs_hook=_once, parse_float=_number, parse_constant=_no_number)
    except JsonError:
        raise
    except (ValueError, RecursionError) as err:
        raise JsonError(str(err)) from err


def _is_deep(text: str) -> bool:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    depth = deepest = 0
    for found in _BRACKETS.finditer(text):
        sign = found.group()
        depth += (sign in "[{") - (sign in "]}") if len(sign) == 1 else 0
        deepest = max(deepest, depth)
    return deepest > MAX_DEPTH


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = {_text(key): _text(value) for key, value in pairs}
    if len(made) < len(pairs):
        raise JsonError("a key is given twice")
    return made


def _text(value: Any) -> Any:
    """Halves of a character, which no text may have, become the sign for that, as in Go."""
    if isinstance(value, list):
        return [_text(item) for item in value]
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < _WRITTEN_OUT else number


def _no_number(text: str) -> Any:
    raise JsonError(f"{text} is no JSON")
