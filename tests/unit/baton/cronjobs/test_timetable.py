"""The timetable of CronJobs: the controller's recorded times, and what it makes up for."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow.sdk import DAG
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DataInterval, TimeRestriction

from baton.cronjobs.timetable import CronJobTimetable
from kubernetes_cron import ScheduleError

GOLDEN = Path(__file__).parents[3] / "golden" / "cron-next-times.jsonl"
ROWS = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
EVERYTHING = TimeRestriction(earliest=None, latest=None, catchup=True)
LATEST = TimeRestriction(earliest=None, latest=None, catchup=False)


@pytest.fixture
def set_clock(monkeypatch):
    """Stop the timetable's clock at a time."""
    return lambda now: monkeypatch.setattr("baton.cronjobs.timetable._now", lambda: now)


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def ticks(timetable, start, count=8):
    """The next runs as the recording writes them; None if there is none."""
    found, last = [], DataInterval.exact(at(start))
    for _ in range(count):
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=EVERYTHING)
        if info is None:
            break
        last = info.data_interval
        assert last.start == last.end == info.run_after
        found.append(info.run_after.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return found or None


@pytest.mark.parametrize("zone", sorted({row["timeZone"] for row in ROWS}))
def test_every_recorded_next_time_agrees(zone):
    """Each of the 1,080 rows, nights with a clock change included."""
    rows = [row for row in ROWS if row["timeZone"] == zone]
    timetables = [(row, CronJobTimetable(row["schedule"], zone)) for row in rows]
    assert [row for row, timetable in timetables if ticks(timetable, row["from"]) != row["next"]] == []


@pytest.mark.parametrize(
    ("schedule", "last", "deadline", "now", "tick"),
    [
        ("* * * * *", "10:00", None, "10:00:30", "10:01"),
        ("* * * * *", "10:00", None, "10:04:30", "10:04"),  # of several missed ticks only the latest
        ("* * * * *", "10:00", 40, "10:04:30", "10:04"),
        ("* * * * *", "10:00", 10, "10:04:30", "10:05"),  # too late for all of them
        ("0 * * * *", "02:00", None, "10:30", "10:00"),
        ("0 * * * *", "02:00", 3600, "10:30", "10:00"),
        ("0 * * * *", "02:00", 600, "10:30", "11:00"),
        ("@every 90m", "10:00", None, "10:10", "11:30"),  # counts from the last tick, not from now
        ("@every 90m", "10:00", None, "13:20", "13:00"),
    ],
)
def test_of_missed_ticks_the_latest_runs_within_its_deadline(schedule, last, deadline, now, tick, set_clock):
    """After a pause or an outage, as the controller after a suspension."""
    timetable = CronJobTimetable(schedule, "UTC", deadline)
    interval = DataInterval.exact(at(f"2026-03-10T{last}Z"))
    set_clock(at(f"2026-03-10T{now}Z"))
    info = timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=LATEST)
    assert info.run_after == at(f"2026-03-10T{tick}Z")


@pytest.mark.parametrize(
    ("schedule", "now", "tick"),
    [
        ("0 1 * * *", "2026-03-10T15:00Z", "2026-03-11T01:00Z"),  # what was before it began does not run
        ("0 1 * * *", "2026-03-10T01:00:20Z", "2026-03-10T01:00Z"),  # a tick that has just come does
        ("@every 60m", "2026-03-10T15:40Z", "2026-03-10T16:00Z"),  # and not an hour after each look
    ],
)
def test_new_dag_without_a_start_date_has_missed_nothing(schedule, now, tick, set_clock):
    """As a CronJob that has just been created."""
    set_clock(at(now))
    info = CronJobTimetable(schedule).next_dagrun_info(last_automated_data_interval=None, restriction=LATEST)
    assert info.run_after == at(tick)


def test_start_date_counts_as_the_cronjobs_creation(set_clock):
    """The latest tick since then runs; with catchup all of them."""
    start = at("2026-03-10T10:00Z")
    timetable = CronJobTimetable("0 * * * *")
    set_clock(at("2026-03-10T12:30Z"))
    found = [
        timetable.next_dagrun_info(
            last_automated_data_interval=None, restriction=TimeRestriction(start, None, catchup)
        ).run_after
        for catchup in (False, True)
    ]
    assert found == [at("2026-03-10T12:00Z"), start]


def test_nothing_runs_after_the_end_date():
    """A DAG's end date holds."""
    restriction = TimeRestriction(None, at("2026-03-10T10:30Z"), catchup=True)
    last = DataInterval.exact(at("2026-03-10T10:00Z"))
    info = CronJobTimetable("0 * * * *").next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
    assert info is None


def test_serialisation_keeps_the_timetable():
    """The scheduler works with what went through JSON, and finds the class through the plugin."""
    timetable = CronJobTimetable("30 2 * * *", "Europe/Prague", 600)
    again = decode_timetable(json.loads(json.dumps(encode_timetable(timetable))))
    assert isinstance(again, CronJobTimetable)
    assert again.serialize() == timetable.serialize()


@pytest.mark.parametrize(
    ("schedule", "zone", "summary", "words"),
    [
        ("0 1 * * *", None, "0 1 * * *", "At 01:00 (UTC)"),
        ("@hourly", "Europe/Prague", "@hourly Europe/Prague", "Every hour (Europe/Prague)"),
        ("@every 90m", None, "@every 90m", "Every 90m after the last time (UTC)"),
        (
            "0 0 1,15 * FRI",
            None,
            "0 0 1,15 * FRI",
            "At 00:00, on day 1 and 15 of the month; and also at 00:00, only on Friday (UTC)",
        ),
    ],
)
def test_schedule_is_shown_in_words(schedule, zone, summary, words):
    """The DAG list shows the summary, its tooltip the words."""
    timetable = CronJobTimetable(schedule, zone)
    assert (timetable.summary, timetable.description) == (summary, words)


def test_a_schedule_that_kubernetes_refuses_is_refused_in_its_words():
    """Nobody has to learn a second set of messages."""
    with pytest.raises(ScheduleError, match="cannot use TZ or CRON_TZ in schedule, use timeZone field instead"):
        CronJobTimetable("CRON_TZ=UTC 0 1 * * *")


def test_a_dag_takes_the_timetable():
    """Also without a start date."""
    assert DAG("nightly", schedule=CronJobTimetable("0 1 * * *")).timetable.summary == "0 1 * * *"
