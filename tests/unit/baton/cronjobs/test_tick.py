"""What a run's Job is called."""

import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.utils.types import DagRunType

from baton.cronjobs.run.tick import run_job_name, scheduled_timestamp, tick_job_name, tick_of

TICK = datetime(2026, 11, 22, 2, 15, tzinfo=UTC)


def test_a_tick_has_the_name_that_the_recorded_controller_gave_it():
    """Unix minutes."""
    assert tick_job_name("forbid-90s", TICK) == "forbid-90s-29921895"


@pytest.mark.parametrize("run_type", DagRunType)
def test_only_runs_of_a_schedule_have_a_tick(run_type):
    """A run by hand has a logical date too, the moment at which somebody pressed the button."""
    run = SimpleNamespace(run_type=run_type, logical_date=TICK)
    assert tick_of(run) == (TICK if run_type in ("scheduled", "backfill") else None)


def test_a_partitioned_run_has_the_tick_at_which_it_starts():
    """Its logical date is empty."""
    assert tick_of(SimpleNamespace(run_type="scheduled", logical_date=None, run_after=TICK)) == TICK


def test_a_run_by_hand_never_has_a_ticks_name():
    """And the same one over its tries, which fits into 63 characters."""
    names = {run_job_name("x" * 52, f"dag/manual__{number}/task/-1") for number in range(200)}
    assert len(names) == 200
    assert all(len(name) <= 63 and re.fullmatch(r"x{52}-m[a-z2-7]{9}", name) for name in names)
    assert run_job_name("x", "run") == run_job_name("x", "run")


def test_a_name_that_is_too_long_leaves_room_for_the_tick_and_stays_its_own():
    """A CronJob's name has 52 characters at most, a Job's 63."""
    names = [tick_job_name("a" * 51 + "-" + letter * 11, TICK) for letter in "bc"]
    assert len(set(names)) == 2
    assert all(re.fullmatch(r"a{42}-[a-z2-7]{9}-29921895", name) for name in names)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        (None, "2026-11-22T02:15:00Z"),
        ("UTC", "2026-11-22T02:15:00Z"),
        ("Europe/London", "2026-11-22T02:15:00Z"),
        ("Europe/Prague", "2026-11-22T03:15:00+01:00"),
        ("Asia/Kolkata", "2026-11-22T07:45:00+05:30"),
    ],
)
def test_the_annotation_is_written_as_the_controller_does(zone, text):
    """RFC 3339 in the CronJob's zone."""
    assert scheduled_timestamp(TICK, zone) == text
