"""The walk from one time to the next that fits, step by step as robfig/cron walks.

Why steps instead of a formula: on days without a midnight or with an hour that comes twice, the answer follows from how
the walk goes (it may leave out such a day, or find the same wall time twice), and its answers are the reference.

Source: ``SpecSchedule.Next`` of github.com/robfig/cron v3 and ``time.Date`` of Go.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from .pattern import Pattern

_NOTHING = timedelta()
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class Search:
    """One walk. A step returns False when it ran into the next year, month, day or hour: begin again with the months.

    :param moment: where to start, in whole seconds.
    """

    def __init__(self, pattern: Pattern, zone: ZoneInfo, moment: datetime) -> None:
        self.moment = moment.astimezone(zone)
        self._pattern = pattern
        self._zone = zone
        self._moved = False  # until the first step the smaller fields still hold those of the start

    def to_fit(self) -> bool:
        """Go on until all fields fit."""
        return self._to_month() and self._to_day() and self._to_hour() and self._to_minute() and self._to_second()

    def _to_month(self) -> bool:
        while self.moment.month not in self._pattern.months:
            if self._first_move():
                self.moment = self._at(self.moment.replace(day=1, hour=0, minute=0, second=0))
            self.moment = self._at(_month_later(self.moment))
            if self.moment.month == 1:
                return False
        return True

    def _to_day(self) -> bool:
        while not self._pattern.fits_day(self.moment):
            if self._first_move():
                self.moment = self._at(self.moment.replace(hour=0, minute=0, second=0))
            self.moment = self._next_day()
            hour = self.moment.hour
            if hour:  # no midnight on this day
                self.moment = self._later((24 - hour if hour > 12 else -hour) * _HOUR)
            if self.moment.day == 1:
                return False
        return True

    def _to_hour(self) -> bool:
        while self.moment.hour not in self._pattern.hours:
            if self._first_move():
                self.moment = self._at(self.moment.replace(minute=0, second=0))
            self.moment = self._later(_HOUR)
            if self.moment.hour == 0:
                return False
        return True

    def _to_minute(self) -> bool:
        while self.moment.minute not in self._pattern.minutes:
            if self._first_move():
                self.moment = self.moment.astimezone(UTC).replace(second=0).astimezone(self._zone)
            self.moment = self._later(_MINUTE)
            if self.moment.minute == 0:
                return False
        return True

    def _to_second(self) -> bool:
        if self.moment.second == 0:
            return True
        self._moved = True
        self.moment = self._later(timedelta(seconds=60 - self.moment.second))
        return False

    def _next_day(self) -> datetime:
        """The same time a day on. Samoa left out 30 December 2011: there robfig/cron hangs, and this goes on."""
        later = self._at(self.moment + _DAY)
        return self._later(_DAY) if later == self.moment else later

    def _first_move(self) -> bool:
        first, self._moved = not self._moved, True
        return first

    def _later(self, duration: timedelta) -> datetime:
        """After that much real time."""
        return (self.moment.astimezone(UTC) + duration).astimezone(self._zone)

    def _at(self, wall: datetime) -> datetime:
        """The moment at which the clock shows a time; where it shows it twice or never, the one Go takes."""
        early = wall.replace(fold=0)
        if early.utcoffset() == wall.replace(fold=1).utcoffset():
            return early
        as_utc = wall.replace(tzinfo=UTC)
        offset = self._offset(as_utc)
        if offset:  # Go takes an offset of zero without a second look
            offset = self._offset(as_utc - offset)
        return (as_utc - offset).astimezone(self._zone)

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self._zone).utcoffset() or _NOTHING


def _month_later(wall: datetime) -> datetime:
    """The same day and time of the next month; what its end is too early for runs over into the month after it."""
    years, month = divmod(wall.month, 12)
    return wall.replace(year=wall.year + years, month=month + 1, day=1) + (wall.day - 1) * _DAY
