"""Durations as Go writes them: ``90m``, ``1h30m``, ``1.5h``."""

from __future__ import annotations

import json
import re

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter; Go takes both
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_LONGEST = 2**63  # nanoseconds; Go counts in 64 bits
_NUMBER = re.compile(r"([0-9]*)(?:\.([0-9]*))?")
_UNIT = re.compile(r"[^0-9.]+")


def parse_duration(text: str) -> int:
    """Nanoseconds of a duration.

    :raises ValueError: with the text of Go's ``time.ParseDuration``.
    """
    sign, rest = (-1 if text[0] == "-" else 1, text[1:]) if text[:1] in ("-", "+") else (1, text)
    if rest == "0":
        return 0
    if not rest:
        raise _invalid(text)
    total, position = 0, 0
    while position < len(rest):
        part, position = _part(text, rest, position)
        total += part
        if total > _LONGEST - (sign > 0):
            raise _invalid(text)
    return sign * total


def _part(text: str, rest: str, start: int) -> tuple[int, int]:
    """One number with its unit, and where the next one starts."""
    number = _NUMBER.match(rest, start)
    whole, fraction = (number[1], number[2] or "") if number else ("", "")
    if number is None or not whole + fraction:
        raise _invalid(text)
    unit = _UNIT.match(rest, number.end())
    if unit is None:
        raise ValueError(f"time: missing unit in duration {quote(text)}")
    if unit[0] not in _UNITS:
        raise ValueError(f"time: unknown unit {quote(unit[0])} in duration {quote(text)}")
    scale = _UNITS[unit[0]]
    return int(whole or 0) * scale + int(fraction or 0) * scale // 10 ** len(fraction), unit.end()


def _invalid(text: str) -> ValueError:
    return ValueError(f"time: invalid duration {quote(text)}")


def quote(text: str) -> str:
    """A text in quotes as Go prints it in errors."""
    return json.dumps(text, ensure_ascii=False)
