"""What holds for every schedule, whatever it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from kubernetes_cron import parse

ZONES = ["UTC", "Europe/Prague", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]
moments = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    """A field as people write it."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    plain = st.one_of(st.sampled_from(["*", "?"]), number.map(str), span)
    stepped = st.tuples(plain, st.integers(1, high)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.lists(st.one_of(plain, stepped), min_size=1, max_size=3).map(",".join)


schedules = st.tuples(fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12), fields(0, 6)).map(" ".join)


@settings(deadline=None)  # a busy machine is no defect
@given(schedules, st.sampled_from(ZONES), moments)
def test_the_next_time_is_later_and_fits_the_fields(text, zone, start):
    """Its minute, hour, month and day, seen on the zone's clock, are among those that the fields allow."""
    schedule = parse(text, zone)

    found = schedule.next(start)

    if found is not None:
        wall, pattern = found.astimezone(ZoneInfo(zone)), schedule.pattern
        assert found > start
        assert (wall.second, wall.microsecond) == (0, 0)
        assert wall.minute in pattern.minutes
        assert wall.hour in pattern.hours
        assert wall.month in pattern.months
        assert pattern.fits_day(wall)


@settings(deadline=None)  # a busy machine is no defect
@given(schedules, moments, st.integers(1, 500_000))
def test_no_time_between_now_and_the_next_one_fits(text, start, seconds):
    """Asking again from anywhere before the next time gives the same one (in UTC, whose clock never jumps)."""
    schedule = parse(text)
    found = schedule.next(start)
    between = start + timedelta(seconds=seconds)

    if found is not None and between < found:
        assert schedule.next(between) == found


@settings(deadline=None)  # a busy machine is no defect
@given(fields(29, 31), fields(1, 12), st.sampled_from(["*", "1"]))
def test_a_schedule_is_called_impossible_exactly_if_no_day_fits(days, months, weekdays):
    """The short cut says never only where each day of eight years, leap years among them, says so as well."""
    pattern = parse(f"0 0 {days} {months} {weekdays}").pattern

    every_day = (datetime(2024, 1, 1) + timedelta(days=offset) for offset in range(366 * 8))
    assert pattern.is_impossible() == (
        not any(day.month in pattern.months and pattern.fits_day(day) for day in every_day)
    )


@settings(deadline=None)  # a busy machine is no defect
@given(st.integers(1, 10**6), moments)
def test_every_counts_seconds_whatever_the_clock_shows(seconds, start):
    """``@every`` knows no zone."""
    next_times = {parse(f"@every {seconds}s", zone).next(start) for zone in ZONES}

    assert next_times == {start.replace(microsecond=0) + timedelta(seconds=seconds)}
