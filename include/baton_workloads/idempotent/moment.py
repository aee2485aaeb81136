"""What time it is for a job, and which window that is: decided once, at its start, and handed on from there.

Why the database's clock: pods run on nodes whose clocks differ; the rows that a job compares with have one clock.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from baton_workloads.errors import ConfigurationError

if TYPE_CHECKING:
    import psycopg

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Moment:
    """A point in time and the zone in which it has a day.

    :param now: aware.
    :param zone: IANA name.
    """

    now: datetime
    zone: str

    @property
    def today(self) -> date:
        """The calendar day in the zone: the one meaning of "today" in a job."""
        return self.now.astimezone(zone_info(self.zone)).date()

    def window(self, every: timedelta) -> str:
        """Give the key of the window that this moment lies in.

        Why short windows are cut in UTC: an hour that the clock repeats or skips in the zone would else be one window
        of two hours, or none.

        :param every: a day (the zone's calendar day, whatever its length), or a part of one that divides it evenly.
        :raises ConfigurationError: no such length.
        """
        if every == DAY:
            return self.today.isoformat()
        if every <= timedelta(0) or DAY % every:
            raise ConfigurationError(
                f"a window is a day or divides it evenly, for example 30 minutes; {every} does not"
            )
        midnight = self.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        start = midnight + (self.now - midnight) // every * every
        return start.isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(connection: "psycopg.Connection[Any]", zone: str, as_of: str | None = None) -> Moment:
    """Give the moment for which a job runs: the database's now, or the given one.

    :param as_of: ISO date (its noon in the zone counts) or date and time (in the zone unless it says otherwise).
    :raises ConfigurationError: unknown zone, or no ISO date.
    """
    if as_of is not None:
        return Moment(_parsed(as_of, zone_info(zone)), zone)
    zone_info(zone)
    row = connection.execute("SELECT now()").fetchone()
    if row is None:
        raise ConfigurationError("the database does not tell the time")
    return Moment(row[0], zone)


def _parsed(text: str, zone: tzinfo) -> datetime:
    try:
        if "T" not in text and " " not in text:
            return datetime.combine(date.fromisoformat(text), time(12), zone)
        parsed = datetime.fromisoformat(text)
    except ValueError as err:
        raise ConfigurationError(f"{text!r} is no ISO date or time, such as 2026-11-22 or 2026-11-22T09:00") from err
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)


def zone_info(name: str) -> ZoneInfo:
    """Give a time zone by its IANA name.

    :raises ConfigurationError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as err:
        raise ConfigurationError(f"{name!r} is no IANA time zone, such as Europe/Berlin") from err
