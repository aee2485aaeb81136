"""The five fields together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .fields import Values

_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}  # days of the months that have no 31st


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which minutes, hours, days of the month, months and days of the week (Sunday is 0) are meant."""

    minutes: Values
    hours: Values
    days: Values
    months: Values
    weekdays: Values

    @property
    def wants_both_days(self) -> bool:
        """Whether a day must fit both day fields; with both of them restricted, one of them is enough."""
        return self.days.any or self.weekdays.any

    def fits_day(self, moment: datetime) -> bool:
        """Whether a day fits the day fields."""
        day, weekday = moment.day in self.days, moment.isoweekday() % 7 in self.weekdays
        return (day and weekday) if self.wants_both_days else (day or weekday)

    def is_impossible(self) -> bool:
        """Whether no time at all can fit: the 31st of February, a field of nothing but commas."""
        if not (self.minutes.allowed and self.hours.allowed and self.months.allowed):
            return True
        first = min(self.days.allowed, default=32)
        no_day = all(first > _LONGEST.get(month, 31) for month in self.months.allowed)
        no_weekday = not self.weekdays.allowed
        return (no_day or no_weekday) if self.wants_both_days else (no_day and no_weekday)
