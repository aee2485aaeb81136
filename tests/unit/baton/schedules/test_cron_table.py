"""Several schedules in one DAG: which tasks a run follows."""

from datetime import UTC, datetime

import pendulum
import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import DataInterval, TimeRestriction

from baton.schedules.cron_table import CronTable

ZONE = "Europe/Prague"
TABLE = CronTable(
    {"hourly": "0 * * * *", "two": "0 2 * * *", "half_past_two": "30 2 * * *", "sunday": "0 2 * * 0"}, ZONE
)


@pytest.mark.parametrize(
    ("moment", "due"),
    [
        ("2026-11-20T00:00Z", ["hourly"]),
        ("2026-11-20T01:00Z", ["hourly", "two"]),
        ("2026-11-22T01:00Z", ["hourly", "two", "sunday"]),
        ("2026-11-20T01:30Z", ["half_past_two"]),
        ("2026-07-20T00:30Z", ["half_past_two"]),
        ("2026-11-20T01:15Z", []),
    ],
)
def test_what_is_due_is_read_off_the_clock_of_the_zone(moment, due):
    """Two tasks that are due at once share a run."""
    assert TABLE.due(datetime.fromisoformat(moment)) == due


@pytest.mark.parametrize("night", ["2026-03-29", "2026-10-25", "2026-11-20"])
def test_every_run_of_a_night_has_something_to_do_and_each_daily_task_runs_once(night):
    """Also when 02:00 comes twice or not at all: the schedule and the table agree."""
    begin = pendulum.parse(f"{night}T00:30", tz=ZONE)
    table = CronTable({"hourly": "0 * * * *", "two": "0 2 * * *", "three": "0 3 * * *"}, ZONE)
    runs = [table.due(moment) for moment in ticks(table, begin, begin.add(hours=5))]
    assert all(runs)
    done = [task for run in runs for task in run]
    assert {task: done.count(task) for task in table.crons} == {"hourly": 5, "two": 1, "three": 1}


def ticks(table, begin, end):
    """The moments at which Airflow would start runs."""
    timetable = coerce_to_core_timetable(table.timetable())
    last = DataInterval(begin, begin)
    while True:
        info = timetable.next_dagrun_info(
            last_automated_data_interval=last,
            restriction=TimeRestriction(earliest=begin, latest=None, catchup=True),
        )
        if info.run_after >= end:
            return
        yield info.run_after
        last = info.data_interval


def test_a_run_by_hand_follows_who_asked():
    """Whatever the time."""
    moment = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
    assert TABLE.chosen(DagRunType.MANUAL, moment, ["sunday"]) == ["sunday"]
    assert TABLE.chosen(DagRunType.SCHEDULED, moment, ["sunday"]) == ["hourly", "two"]


def test_by_hand_everything_runs_unless_said_otherwise():
    """The form offers the tasks."""
    only = TABLE.params()["only"]
    assert (only.value, only.schema["items"]["enum"]) == (list(TABLE.crons), list(TABLE.crons))
