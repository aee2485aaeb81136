"""The run key is a property of the run, in the DAG's zone, whatever the clock says."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from baton.exceptions import PermanentError
from baton.schedules.run_keys import hours_since_workday, run_key, run_moment

PRAGUE = ZoneInfo("Europe/Prague")


@dataclass
class Run:
    run_after: datetime
    partition_key: str | None = None


@dataclass
class Zoned:
    timezone: ZoneInfo = PRAGUE


def test_partition_key_wins():
    """A run that has a partition key is named by it, whenever it runs."""
    assert run_key(Run(datetime(2026, 5, 5, tzinfo=UTC), "2026-01-01"), Zoned()) == "2026-01-01"


@pytest.mark.parametrize(
    ("run_after", "key"),
    [
        ("2026-01-09T23:59:59+00:00", "2026-01-10"),
        ("2026-01-09T22:59:59+00:00", "2026-01-09"),
        ("2026-03-28T23:00:00+00:00", "2026-03-29"),  # midnight before the short night
        ("2026-03-29T00:59:59+00:00", "2026-03-29"),  # last second of winter time
        ("2026-03-29T21:59:59+00:00", "2026-03-29"),  # last second of the day with 23 hours
        ("2026-03-29T22:00:00+00:00", "2026-03-30"),
        ("2026-10-25T00:30:00+00:00", "2026-10-25"),  # 02:30 for the first time
        ("2026-10-25T01:30:00+00:00", "2026-10-25"),  # 02:30 for the second time
        ("2026-10-25T22:59:59+00:00", "2026-10-25"),  # last second of the day with 25 hours
        ("2026-10-25T23:00:00+00:00", "2026-10-26"),
    ],
)
def test_run_without_partition_key_is_named_by_its_day_in_the_dags_zone(run_after, key):
    """The day changes at the zone's midnight, also around both clock changes."""
    assert run_key(Run(datetime.fromisoformat(run_after)), Zoned()) == key


def test_every_moment_of_a_year_has_the_day_that_a_calendar_on_the_wall_shows():
    """Walking a year by half hours, each key is the local date, and no day is left out."""
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=30) * step for step in range(365 * 48)]
    keys = [run_key(Run(moment), Zoned()) for moment in moments]
    assert keys == sorted(keys)
    assert keys == [f"{moment.astimezone(PRAGUE):%Y-%m-%d}" for moment in moments]


@pytest.mark.parametrize("key", ["", "a/b", "../up", "a b", "-x", "x" * 64, "a..b"])
def test_partition_key_that_cannot_be_a_path_is_refused(key):
    """A key becomes part of an object's name, so one that could leave its folder is a permanent error."""
    with pytest.raises(PermanentError, match="partition key"):
        run_key(Run(datetime(2026, 1, 1, tzinfo=UTC), key), Zoned())


@pytest.mark.parametrize(
    ("run_after", "moment"),
    [
        ("2026-10-25T02:00:00+02:00", "2026-10-25T0000Z"),  # 02:00 for the first time
        ("2026-10-25T02:00:00+01:00", "2026-10-25T0100Z"),  # and an hour later again
        ("2026-11-22T08:00:59.9+00:00", "2026-11-22T0800Z"),
    ],
)
def test_a_moment_is_named_in_utc(run_after, moment):
    """Two moments that a clock on the wall shows alike have two names."""
    assert run_moment(Run(datetime.fromisoformat(run_after))) == moment


@pytest.mark.parametrize(
    ("run_after", "hours"),
    [
        ("2026-11-20T07:00:00+00:00", 24),
        ("2026-11-23T07:00:00+00:00", 72),
        ("2026-10-26T07:00:00+00:00", 73),  # since Friday 08:00 in summer time
        ("2026-03-30T06:00:00+00:00", 71),
        ("2026-11-22T07:00:00+00:00", 48),  # a Sunday, by hand
        ("2026-11-22T23:30:00+00:00", 72),  # in Prague it is Monday
    ],
)
def test_a_workdays_hours_leave_no_gap(run_after, hours):
    """A digest begins where the one of the workday before ended, also when the clock was changed in between."""
    assert hours_since_workday(Run(datetime.fromisoformat(run_after)), Zoned()) == hours
