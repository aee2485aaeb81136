"""Periods: what a run key stands for, in nights with a clock change too."""

from datetime import UTC, date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_workloads.errors import ConfigurationError
from baton_workloads.reports.period import day_of, month_of, period_for, week_of

ZONES = ["Europe/Prague", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "UTC"]


@pytest.mark.parametrize(
    ("kind", "run_key", "key", "begin", "end"),
    [
        ("day", "2026-11-22", "2026-11-21", "2026-11-20T23:00Z", "2026-11-21T23:00Z"),
        ("day", "2026-10-26", "2026-10-25", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),  # 25 hours
        ("day", "2026-03-30", "2026-03-29", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),  # 23 hours
        ("week", "2026-11-23", "2026-W47", "2026-11-15T23:00Z", "2026-11-22T23:00Z"),
        ("week", "2027-01-04", "2026-W53", "2026-12-27T23:00Z", "2027-01-03T23:00Z"),
        ("month", "2026-11-01", "2026-10", "2026-09-30T22:00Z", "2026-10-31T23:00Z"),
        ("month", "2027-01-01", "2026-12", "2026-11-30T23:00Z", "2026-12-31T23:00Z"),
        ("moment", "2026-11-22T0800Z", "2026-11-22T0800Z", "2026-11-21T08:00Z", "2026-11-22T08:00Z"),
        ("moment", "2026-10-25T1200Z", "2026-10-25T1200Z", "2026-10-24T12:00Z", "2026-10-25T12:00Z"),
    ],
)
def test_a_period_is_what_was_over_when_the_run_began(kind, run_key, key, begin, end):
    """In Prague."""
    period = period_for(kind, run_key, "Europe/Prague")
    moments = [f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}" for moment in (period.begin, period.end)]
    assert (period.key, *moments) == (key, begin, end)


@given(st.dates(date(1971, 1, 1), date(2099, 12, 1)), st.sampled_from(ZONES))
def test_periods_follow_each_other_without_gap_or_overlap(day, zone):
    """Each moment is in exactly one day, one week and one month."""
    assert day_of(day, zone).end == day_of(day + timedelta(days=1), zone).begin
    assert week_of(day, zone).end == week_of(day + timedelta(days=7), zone).begin
    month = month_of(day, zone)
    assert month.end == month_of(month.end.date(), zone).begin
    assert month.before().end == month.begin
    assert week_of(day, zone).before().end == week_of(day, zone).begin
    assert day_of(day, zone).before().begin.weekday() == day.weekday()


@pytest.mark.parametrize(
    ("kind", "key", "zone"),
    [("day", "yesterday", "UTC"), ("moment", "2026-11-22", "UTC"), ("day", "2026-11-22", "Europe/Nowhere")],
)
def test_a_wrong_key_or_zone_is_named(kind, key, zone):
    """The message shows what was given."""
    with pytest.raises(ConfigurationError, match="Nowhere" if zone != "UTC" else key):
        period_for(kind, key, zone)
