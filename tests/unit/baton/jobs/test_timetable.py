"""When jobs run: nothing doubles, nothing drifts, also over restarts; what is late is late by less than its limit."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.timezone import coerce_datetime
from airflow.timetables.base import DataInterval, TimeRestriction
from hypothesis import given
from hypothesis import strategies as st

from baton.cronjobs import timetable as cronjob_timetable
from baton.jobs.timetable import EveryTimetable, OnceTimetable

NO_LIMITS = TimeRestriction(earliest=None, latest=None, catchup=False)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
INTERVALS = st.integers(10, 90_000)


def again(timetable):
    """After a restart of the scheduler."""
    return type(timetable).deserialize(json.loads(json.dumps(timetable.serialize())))


def next_run(timetable, now, last=None):
    """What the scheduler asks for at a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cronjob_timetable, "_now", lambda: now)
        return again(timetable).next_dagrun_info(last_automated_data_interval=last, restriction=NO_LIMITS)


@given(seconds=INTERVALS, start=MOMENTS, looks=st.lists(st.integers(0, 40_000), min_size=1, max_size=20))
def test_ticks_are_multiples_and_come_once(seconds, start, looks):
    """Whenever the scheduler looks, with whatever pauses, and a restart before each look."""
    timetable, now, last, ticks = EveryTimetable(seconds), start, None, []
    for pause in looks:
        now += timedelta(seconds=pause)
        info = next_run(timetable, now, last)
        if info.run_after <= now:
            ticks.append(info.run_after)
            last = info.data_interval
            assert next_run(timetable, now, last).run_after > now
    assert all(tick.timestamp() % seconds == 0 for tick in ticks)
    assert ticks == sorted(set(ticks))


@given(seconds=INTERVALS, now=MOMENTS, late=st.integers(0, 10_000_000))
def test_of_what_was_missed_the_latest_runs(seconds, now, late):
    """After a standstill of any length."""
    timetable = EveryTimetable(seconds)
    before = coerce_datetime(datetime.fromtimestamp((now.timestamp() - late) // seconds * seconds, UTC))
    tick = next_run(timetable, now, DataInterval.exact(before)).run_after
    latest = now.timestamp() // seconds * seconds
    assert tick.timestamp() == (latest if latest > before.timestamp() else latest + seconds)


@given(now=MOMENTS, late=st.integers(0, 7200))
def test_tick_that_is_too_late_is_left_out(now, late):
    """As with a CronJob's starting deadline."""
    timetable = EveryTimetable(7200, deadline_seconds=600)
    begin = datetime.fromtimestamp(now.timestamp() // 7200 * 7200, UTC)
    last = next_run(timetable, begin - timedelta(hours=3)).data_interval
    tick = next_run(timetable, begin + timedelta(seconds=late), last).run_after
    assert tick == (begin if late < 600 else begin + timedelta(hours=2))


@pytest.mark.parametrize(
    ("late", "deadline", "runs"),
    [(0, None, True), (3500, None, True), (3700, None, False), (50, 60, True), (70, 60, False), (-500, 60, True)],
)
def test_one_moment_runs_once(late, deadline, runs):
    """Late by less than its deadline, an hour by default; never a second time."""
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=late)
    timetable = again(OnceTimetable(moment) if deadline is None else OnceTimetable(moment, deadline))
    info = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=NO_LIMITS)
    assert (info is not None) == runs
    if info is not None:
        assert info.run_after == info.logical_date == moment
        done = again(timetable).next_dagrun_info(last_automated_data_interval=info.data_interval, restriction=NO_LIMITS)
        assert done is None
