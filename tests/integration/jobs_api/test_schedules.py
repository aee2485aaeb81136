"""A job is moved, and comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from tests.integration.jobs_api.conftest import FOLDER, Api

MOVED = {"cron_expression": "0 7 * * *", "timezone": "America/Los_Angeles"}


def test_a_moved_job_is_shown_as_moved_and_comes_back(api: Api) -> None:
    """At once, with who did it and the next five times; its file's schedule counts again after the reset."""
    made = api.call("PUT", "/jobs/DailySalesReport/schedule", json=MOVED)
    assert {name: made[name] for name in MOVED} == MOVED
    times = [datetime.fromisoformat(text).astimezone(ZoneInfo("America/Los_Angeles")) for text in made["next_runs"]]
    assert len({moment.date() for moment in times}) == 5
    assert {(moment.hour, moment.minute) for moment in times} == {(7, 0)}
    job = api.call("GET", "/jobs/DailySalesReport")
    assert {name: job[name] for name in MOVED} == MOVED
    assert (job["override"]["changed_by"], job["next_run_at"]) == ("admin", made["next_runs"][0])
    assert len(api.query("SELECT 1 FROM dag_priority_parsing_request")) == 1
    back = api.call("DELETE", "/jobs/DailySalesReport/schedule")
    assert (back["cron_expression"], back["override"]) == ("0 6 * * *", None)
    assert api.call("GET", "/jobs/DailySalesReport")["cron_expression"] == "0 6 * * *"
    [extra] = [json.loads(row["extra"]) for row in api.query("SELECT extra FROM log ORDER BY id")][:1]
    assert (extra["before"], extra["after"]["cron"]) == (None, "0 7 * * *")


def test_asking_moves_nothing(api: Api) -> None:
    """The next five times can be had before."""
    asked = api.call("PUT", "/jobs/by_hand/schedule", json={"every": "30m", "dry_run": True})
    assert len(asked["next_runs"]) == 5
    assert api.call("GET", "/jobs/by_hand")["override"] is None


def test_two_who_move_at_once_do_not_overwrite_each_other(api: Api) -> None:
    """The second one, who has read before, is told."""
    api.call("PUT", "/jobs/by_hand/schedule", json={"every": "30m"})
    known = api.call("GET", "/jobs/by_hand")["override"]["changed_at"]
    api.call("PUT", "/jobs/by_hand/schedule", 412, json=MOVED, headers={"If-Match": '"2020-01-01T00:00:00Z"'})
    api.call("PUT", "/jobs/by_hand/schedule", json=MOVED, headers={"If-Match": f'"{known}"'})


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"cron_expression": "61 * * * *"}, "cron_expression"),
        ({"cron_expression": "0 0 30 2 *"}, "cron_expression"),
        ({"every": "5s"}, "every"),
        ({"every": "soon"}, "every"),
        ({"cron_expression": "0 7 * * *", "timezone": "Mars/Base"}, "timezone"),
        ({"cron_expression": "0 7 * * *", "every": "1h"}, "give"),
        ({}, "give"),
        ({"cron": "0 7 * * *"}, "body.cron"),
    ],
)
def test_a_wrong_schedule_is_refused(api: Api, wrong: dict[str, str], field: str) -> None:
    """With the field that is wrong."""
    assert field in api.call("PUT", "/jobs/by_hand/schedule", 422, json=wrong)["detail"]
    assert api.query("SELECT 1 FROM variable") == []


def test_the_dag_processor_gives_the_dag_its_new_schedule(api: Api, airflow_database: str) -> None:
    """Airflow's own process, as a stack runs it: the scheduler reads what it stores."""
    api.call("PUT", "/jobs/DailySalesReport/schedule", json=MOVED)
    api.call("PUT", "/jobs/by_hand/schedule", json={"every": "1h"})
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(FOLDER.parents[2] / name) for name in ("plugins", "include", "config")),
        "AIRFLOW__CORE__DAGS_FOLDER": str(FOLDER / "dags"),
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow_database.replace("postgresql://", "postgresql+psycopg2://", 1),
    }
    command = [sys.executable, "-m", "airflow", "dag-processor", "--num-runs", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    rows = {
        row["dag_id"]: row
        for row in api.query("SELECT dag_id, timetable_summary, next_dagrun_create_after AS next FROM dag")
    }
    assert rows["DailySalesReport"]["timetable_summary"] == "0 7 * * * America/Los_Angeles (rescheduled)", done.stderr
    assert rows["DailySalesReport"]["next"].astimezone(ZoneInfo("America/Los_Angeles")).hour == 7
    assert rows["by_hand"]["timetable_summary"] == "every 1h (rescheduled)"
    assert rows["shop__backup"]["timetable_summary"] == "30 1 * * * Europe/Prague"
