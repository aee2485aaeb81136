"""What day and which window it is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_workloads.errors import ConfigurationError
from baton_workloads.idempotent.moment import DAY, Moment

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Kiritimati"]
LENGTHS = [timedelta(minutes=n) for n in (1, 15, 30, 60, 120, 720)]
times = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("now", "zone", "every", "window"),
    [
        ("2026-11-22T09:29:59Z", "UTC", timedelta(minutes=30), "2026-11-22T09:00:00Z"),
        ("2026-11-22T09:30:00Z", "UTC", timedelta(minutes=30), "2026-11-22T09:30:00Z"),
        ("2026-11-22T23:30:00Z", "Europe/Berlin", DAY, "2026-11-23"),
        ("2026-11-22T22:59:59Z", "Europe/Berlin", DAY, "2026-11-22"),
        # The hour that Berlin has twice, and the one that it has not: half hours stay half hours.
        ("2026-10-25T00:30:00Z", "Europe/Berlin", timedelta(minutes=30), "2026-10-25T00:30:00Z"),
        ("2026-10-25T01:30:00Z", "Europe/Berlin", timedelta(minutes=30), "2026-10-25T01:30:00Z"),
        ("2026-10-24T22:00:00Z", "Europe/Berlin", DAY, "2026-10-25"),
        ("2026-10-25T22:59:59Z", "Europe/Berlin", DAY, "2026-10-25"),  # a day of 25 hours
        ("2026-11-22T00:00:00Z", "UTC", timedelta(hours=2), "2026-11-22T00:00:00Z"),
        ("2026-11-22T10:00:00Z", "Pacific/Kiritimati", DAY, "2026-11-23"),
    ],
)
def test_windows_of_known_moments(now: str, zone: str, every: timedelta, window: str) -> None:
    """The table that a reader would check first."""
    assert Moment(datetime.fromisoformat(now), zone).window(every) == window


@given(times, st.sampled_from(LENGTHS), st.sampled_from(ZONES))
def test_a_window_is_the_time_that_its_key_says(now: datetime, every: timedelta, zone: str) -> None:
    """It begins at its key, holds the moment, and the next one begins where it ends, in every zone."""
    start = datetime.fromisoformat(Moment(now, zone).window(every))
    assert start <= now < start + every
    assert Moment(start, zone).window(every) == start.isoformat().replace("+00:00", "Z")
    assert Moment(start + every, zone).window(every) != Moment(now, zone).window(every)


@given(times, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_a_moment_has_one_window_however_it_is_written(now: datetime, zone: str, other: str) -> None:
    """The zone in which a time is written changes nothing; the job's zone decides the day."""
    from zoneinfo import ZoneInfo

    written = now.astimezone(ZoneInfo(other))
    for every in (*LENGTHS, DAY):
        assert Moment(written, zone).window(every) == Moment(now, zone).window(every)


@pytest.mark.parametrize("every", [timedelta(0), timedelta(days=-1), timedelta(minutes=7), timedelta(days=2)])
def test_other_lengths_are_refused(every: timedelta) -> None:
    """A window that drifts through the day would be of no use to anybody."""
    with pytest.raises(ConfigurationError, match="divides it evenly"):
        Moment(datetime(2026, 11, 22, tzinfo=UTC), "UTC").window(every)
