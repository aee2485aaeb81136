"""Moments as senders write them: RFC 3339, Go's own form, HTTP's, seconds or milliseconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

NO_START = "1970-01-01T00:00:00+00:00"
"""The start of what has none, where an id of its own tells repeats apart: its moment is always the same."""
_FRACTION = re.compile(r"(\.\d{6})\d+")
_GO = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) ([+-]\d{4})(?: [A-Za-z0-9+-]{1,8})?(?: m=[+-][\d.]+)?")
_NUMBER = re.compile(r"\d{9,19}(\.\d+)?")
_DOTTED = re.compile(r"(\d{4})[./](\d\d)[./](\d\d)[ T](\d\d:\d\d:\d\d)")
_LEAST = 1e8
"""A smaller number is none since 1970: it would be a moment before 1973."""
_UNITS = ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (float("inf"), 1e9))
"""Numbers below each bound are seconds, milli-, micro- and nanoseconds: a bound is the year 5138 in its unit."""


class MomentError(ValueError):
    """A value is no moment."""


def read_moment(found: object) -> str:
    """A moment as ISO 8601 in UTC; empty for none, and for Go's zero time.

    Without a zone it is UTC. A number is seconds since 1970, or by its size milliseconds, microseconds, nanoseconds.

    :raises MomentError: it is none.
    """
    if found in (None, "", 0, "0") and not isinstance(found, bool):
        return ""
    try:
        moment = _moment(found)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError, IndexError) as err:
        raise MomentError(f"{str(found)[:80]!r} is no time") from err
    return "" if moment.year == 1 else moment.isoformat()


def _moment(found: object) -> datetime:
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise TypeError
    if not isinstance(found, str):
        return _since_1970(found)
    text = found.strip()
    if _NUMBER.fullmatch(text):
        return _since_1970(float(text) if "." in text else int(text))
    if go := _GO.fullmatch(text):
        text = f"{go[1]}{go[2]}"
    elif dotted := _DOTTED.fullmatch(text):
        text = f"{dotted[1]}-{dotted[2]}-{dotted[3]}T{dotted[4]}"
    try:
        # RFC 3339 from Go has up to nine digits of a second.
        return datetime.fromisoformat(_FRACTION.sub(r"\1", text))
    except ValueError:
        return parsedate_to_datetime(text)


def _since_1970(number: float) -> datetime:
    if not number >= _LEAST:
        raise ValueError
    unit = next(unit for bound, unit in _UNITS if number < bound)
    return datetime.fromtimestamp(number / unit, UTC)
