"""Which ticks may still start, replayed against what a real CronJob controller was seen to do."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.baton.cronjobs.ticks_played import Play

from baton.cronjobs.run.timing import Timing

RECORDING = json.loads((Path(__file__).parents[3] / "golden" / "cronjob-controller-v1.36.2.json").read_text())
TICK = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
START_SECONDS = 2.5  # from a Job's creation to its pod's start and from its end to the Job's: seen in the recording


def moment(text):
    return datetime.fromisoformat(text)


TIMES = {step["event"]: moment(step["at"]) for step in RECORDING["timeline"]}
KILLED, STARTED = TIMES["controller killed"], TIMES["controller started"]
# Suspensions are the timetable's, not the operator's; the recording's last tick was cut in the middle.
NAMES = sorted(name for name in RECORDING["cronjobs"] if not name.startswith("suspended-"))
END = moment("2026-11-22T02:31:00Z")


@pytest.mark.parametrize(
    ("options", "seconds", "why"),
    [
        ({}, 10**9, None),
        ({"schedule": "* * * * *"}, 59.9, None),
        ({"schedule": "* * * * *"}, 60, "superseded"),
        ({"starting_deadline_seconds": 10}, 9.9, None),
        ({"starting_deadline_seconds": 10}, 10, r"startingDeadlineSeconds \(10\)"),
        ({"starting_deadline_seconds": 0}, 0, "too late"),
        ({"schedule": "30 2 * * *", "time_zone": "Europe/Prague"}, 3599, None),
        ({"schedule": "30 2 * * *", "time_zone": "Europe/Prague"}, 3600, "superseded.*01:30:00 UTC"),
    ],
)
def test_a_tick_is_missed_from_a_moment_on(options, seconds, why):
    """The next tick's, which comes an hour later on the night the clocks go back, or its deadline's."""
    said = Timing(TICK, **options).missed(TICK + timedelta(seconds=seconds))
    assert said is None if why is None else re.search(why, said)


@given(
    st.integers(0, 10**6),
    st.none() | st.integers(0, 10**5),
    st.sampled_from([None, "* * * * *", "7 3 * * 1", "@hourly"]),
)
def test_missed_at_is_the_moment_from_which_it_is_missed(seconds, deadline, schedule):
    """A waiting task sleeps until then and asks again."""
    timing = Timing(TICK, schedule, None, deadline)
    now = TICK + timedelta(seconds=seconds)
    limit = timing.missed_at()
    assert (timing.missed(now) is not None) == (limit is not None and limit <= now)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_ticks_start_as_in_the_recording(name):
    """Three policies, three lengths of runs, four starting deadlines, an outage."""
    recorded = {job["name"]: moment(job["created"]) for job in RECORDING["jobs"] if job["cronjob"] == name}
    recorded = {job: at for job, at in recorded.items() if _tick(job) < END}
    ours = _played(RECORDING["cronjobs"][name])

    assert recorded
    assert sorted(ours) == sorted(_tick(job) for job in recorded)
    assert all(abs((ours[_tick(job)] - at).total_seconds()) < 8 for job, at in recorded.items())


def _played(cron_job):
    first = TIMES["created"].replace(second=0, microsecond=0) + timedelta(minutes=1)
    ticks = [first + timedelta(minutes=n) for n in range(60) if first + timedelta(minutes=n) < END]
    length = timedelta(seconds=cron_job["run_seconds"] + START_SECONDS)
    deadline = cron_job["startingDeadlineSeconds"]
    outage = (KILLED, STARTED)
    return Play(cron_job["concurrencyPolicy"], "* * * * *", deadline, length, outage, ticks, END).run()


def _tick(job):
    return datetime.fromtimestamp(int(job.rpartition("-")[2]) * 60, UTC)
