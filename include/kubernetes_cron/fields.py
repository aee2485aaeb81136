"""The five fields of a schedule: ``*``, ``?``, ``7``, ``1-5``, ``*/10``, ``5/10``, ``MON,wed-fri``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .durations import quote
from .errors import ScheduleError

_INTEGER = re.compile(r"[+-]?[0-9]+")
_LARGEST = 2**63 - 1  # Go's int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a field may hold: numbers from ``low`` to ``high``, both included, or names for them."""

    low: int
    high: int
    names: dict[str, int] = field(default_factory=dict)


def _named(low: int, high: int, names: str) -> Bounds:
    return Bounds(low, high, {name: low + place for place, name in enumerate(names.split())})


MINUTES = Bounds(0, 59)
HOURS = Bounds(0, 23)
DAYS_OF_MONTH = Bounds(1, 31)
MONTHS = _named(1, 12, "jan feb mar apr may jun jul aug sep oct nov dec")
DAYS_OF_WEEK = _named(0, 6, "sun mon tue wed thu fri sat")


@dataclass(frozen=True, slots=True)
class Values:
    """What a field allows. ``any`` is true when it is written as ``*`` or ``?``, which decides how days combine."""

    allowed: frozenset[int]
    any: bool = False

    def __contains__(self, number: int) -> bool:
        """Whether the field allows a number."""
        return number in self.allowed


def parse_field(text: str, bounds: Bounds) -> Values:
    """A field: ranges between commas, empty ones skipped.

    :raises ScheduleError: with robfig/cron's text.
    """
    ranges = [_parse_range(part, bounds) for part in text.split(",") if part]
    return Values(frozenset().union(*(found.allowed for found in ranges)), any(found.any for found in ranges))


def _parse_range(text: str, bounds: Bounds) -> Values:
    span, *steps = text.split("/")
    low, *highs = span.split("-")
    star = low in ("*", "?")
    if star:  # what follows a hyphen is not looked at
        start, end = bounds.low, bounds.high
    else:
        start = end = _number_or_name(low, bounds)
        if len(highs) > 1:
            raise ScheduleError(f"too many hyphens: {text}")
        if highs:
            end = _number_or_name(highs[0], bounds)
    if len(steps) > 1:
        raise ScheduleError(f"too many slashes: {text}")
    step = _number(steps[0]) if steps else 1
    if steps and not highs:  # "5/10" goes on to the highest value
        end = bounds.high
    _check_range(text, bounds, start, end, step)
    return Values(frozenset(range(start, end + 1, step)), any=star and step == 1)


def _check_range(text: str, bounds: Bounds, start: int, end: int, step: int) -> None:
    if start < bounds.low:
        raise ScheduleError(f"beginning of range ({start}) below minimum ({bounds.low}): {text}")
    if end > bounds.high:
        raise ScheduleError(f"end of range ({end}) above maximum ({bounds.high}): {text}")
    if start > end:
        raise ScheduleError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise ScheduleError(f"step of range should be a positive number: {text}")


def _number_or_name(text: str, bounds: Bounds) -> int:
    named = bounds.names.get(text.lower())
    return _number(text) if named is None else named


def _number(text: str) -> int:
    wrong = f"failed to parse int from {text}: strconv.Atoi: parsing {quote(text)}: "
    if not _INTEGER.fullmatch(text):
        raise ScheduleError(wrong + "invalid syntax")
    number = int(text) if len(text) < 25 else _LARGEST + 1
    if abs(number) > _LARGEST:
        raise ScheduleError(wrong + "value out of range")
    if number < 0:
        raise ScheduleError(f"negative number ({number}) not allowed: {text}")
    return number
