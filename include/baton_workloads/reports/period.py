"""The span of time that a report is about, computed from the run key and a time zone: never from the clock."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from baton_workloads.errors import ConfigurationError

Kind = Literal["day", "week", "month", "moment"]
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)Z")


@dataclass(frozen=True)
class Period:
    """From ``begin`` up to, not including, ``end``; both in the readers' zone.

    :param key: names the period in files and in the delivery ledger: ``2026-11-21``, ``2026-W47``, ``2026-10``.
    :param label: the same for people.
    """

    kind: Kind
    key: str
    label: str
    begin: datetime
    end: datetime
    zone: str

    def before(self) -> "Period":
        """Give the period to compare with: the same weekday a week before, else the period just before."""
        first = self.begin.date()
        if self.kind == "day":
            return day_of(first - timedelta(days=7), self.zone)
        if self.kind == "week":
            return week_of(first - timedelta(days=7), self.zone)
        return month_of(first - timedelta(days=1), self.zone)

    def parameters(self) -> dict[str, object]:
        """Give the parameters of a query."""
        return {"begin": self.begin, "end": self.end, "zone": self.zone}


def period_for(kind: Kind, run_key: str, zone: str, hours: int = 24) -> Period:
    """Give the last period that was over at the beginning of the run's day.

    :param run_key: ISO date of the run, in ``zone``; for a moment ``2026-11-22T0800Z``.
    :param hours: how far a report on a moment looks back.
    :raises ConfigurationError: the key or the zone is none.
    """
    if kind == "moment":
        return _moment(run_key, zone, hours)
    try:
        today = date.fromisoformat(run_key)
    except ValueError as err:
        raise ConfigurationError(
            f"run key {run_key!r} is no ISO date such as 2026-11-22; name the day to run as"
        ) from err
    if kind == "day":
        return day_of(today - timedelta(days=1), zone)
    if kind == "week":
        return week_of(today - timedelta(days=7), zone)
    return month_of(today.replace(day=1) - timedelta(days=1), zone)


def day_of(day: date, zone: str) -> Period:
    """Give one calendar day; in a night with a clock change it has 23 or 25 hours."""
    label = f"{day:%A} {day.day} {day:%B %Y}"
    return Period("day", day.isoformat(), label, _midnight(day, zone), _midnight(day + timedelta(days=1), zone), zone)


def week_of(day: date, zone: str) -> Period:
    """Give the ISO week of a day, Monday to Sunday."""
    monday = day - timedelta(days=day.weekday())
    sunday = monday + timedelta(days=6)
    year, week, _ = monday.isocalendar()
    label = f"Week {week}, {monday.day} {monday:%b} to {sunday.day} {sunday:%b %Y}"
    end = _midnight(monday + timedelta(days=7), zone)
    return Period("week", f"{year}-W{week:02d}", label, _midnight(monday, zone), end, zone)


def month_of(day: date, zone: str) -> Period:
    """Give the calendar month of a day."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    begin, end = _midnight(first, zone), _midnight(following, zone)
    return Period("month", f"{first:%Y-%m}", f"{first:%B %Y}", begin, end, zone)


def _moment(run_key: str, zone: str, hours: int) -> Period:
    found = _MOMENT.fullmatch(run_key)
    if not found:
        raise ConfigurationError(f"run key {run_key!r} is no moment such as 2026-11-22T0800Z")
    moment = datetime.combine(date.fromisoformat(found[1]), time(int(found[2]), int(found[3])), UTC)
    local = moment.astimezone(_zone(zone))
    label = f"{local.day} {local:%b %Y, %H:%M %Z}"
    begin = (moment - timedelta(hours=hours)).astimezone(local.tzinfo)  # hours that passed, not hours on the clock
    return Period("moment", run_key, label, begin, local, zone)


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), _zone(zone))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as err:
        raise ConfigurationError(f"time zone {name!r} is not known; use a name such as Europe/Prague") from err
