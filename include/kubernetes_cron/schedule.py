"""Schedules that know their next time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from .pattern import Pattern
from .search import Search

_YEARS = 5  # robfig/cron looks no further


class Schedule(Protocol):
    """Anything that has a next time."""

    def next(self, after: datetime) -> datetime | None:
        """The first time later than ``after``, in UTC, to the second; None if there is none within five years.

        :param after: with a time zone, any.
        :raises ValueError: ``after`` has no time zone.
        """


@dataclass(frozen=True, slots=True)
class EverySchedule:
    """``@every``: a number of seconds after the last time, whatever the clock shows."""

    seconds: int

    def next(self, after: datetime) -> datetime:
        """That many seconds later; parts of a second are cut."""
        return _whole_seconds(after) + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class FieldSchedule:
    """Five fields, read off a clock in a time zone."""

    pattern: Pattern
    zone: ZoneInfo

    def next(self, after: datetime) -> datetime | None:
        """The first time that fits, later than ``after``."""
        start = _whole_seconds(after) + timedelta(seconds=1)
        if self.pattern.is_impossible():  # else years of walking lead to the same answer
            return None
        search = Search(self.pattern, self.zone, start)
        last_year = search.moment.year + _YEARS
        while search.moment.year <= last_year:
            if search.to_fit():
                return search.moment.astimezone(UTC)
        return None


def _whole_seconds(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).replace(microsecond=0)
