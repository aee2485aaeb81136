"""Which tick is due: the estimate against counting them one by one."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from kubernetes_cron import parse
from local_kubernetes import clock
from local_kubernetes.controllers.cron_ticks import MANY, Ticks

START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
EVEN = ["* * * * *", "*/5 * * * *", "0 * * * *", "@daily", "@every 90s", "@every 7m"]


def ticks(schedule, seconds, deadline=None, last=None):
    """A CronJob that was created at the start, seen that many seconds later."""
    spec = {"schedule": schedule, "startingDeadlineSeconds": deadline}
    status = {} if last is None else {"lastScheduleTime": clock.seconds(last.timestamp())}
    cron_job = {"metadata": {"creationTimestamp": "2026-03-01T12:00:30Z"}, "spec": spec, "status": status}
    return Ticks(cron_job, parse(schedule), START.timestamp() + seconds)


def one_by_one(schedule, since, until):
    """Every tick later than one time and not later than another, both Unix seconds."""
    found, tick = [], parse(schedule).next(datetime.fromtimestamp(since, UTC))
    while tick is not None and tick.timestamp() <= until:
        found.append(tick)
        tick = parse(schedule).next(tick)
    return found


@settings(deadline=None)  # a busy machine is no defect
@given(st.sampled_from(EVEN), st.integers(0, 40_000), st.none() | st.integers(0, 10_000))
def test_the_latest_tick_is_due_unless_its_deadline_has_passed(schedule, seconds, deadline):
    """The estimate jumps close to the end and walks from there; it finds what counting finds."""
    start = START.timestamp()
    since = start if deadline is None else max(start, start + seconds - deadline)
    expected = one_by_one(schedule, since, start + seconds)

    found, many = ticks(schedule, seconds, deadline).due()

    assert found == (expected[-1] if expected else None)
    assert many == (len(expected) > MANY)


@settings(deadline=None)  # a busy machine is no defect
@given(st.sampled_from(EVEN), st.integers(0, 40_000))
def test_the_next_look_is_right_after_the_next_tick(schedule, seconds):
    """And never before it."""
    now = START.timestamp() + seconds
    (following,) = one_by_one(schedule, START.timestamp(), now + 90_000)[
        len(one_by_one(schedule, START.timestamp(), now)) :
    ][:1]

    pause = ticks(schedule, seconds).seconds_to_next()

    assert 0 < now + pause - following.timestamp() < 0.2


def test_a_schedule_counts_from_its_last_tick():
    """What ran is not due again."""
    last = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)

    assert ticks("0 * * * *", 3600, last=last).due() == (None, False)
    assert ticks("0 * * * *", 3600 + 3600, last=last).due() == (datetime(2026, 3, 1, 14, tzinfo=UTC), False)
