"""The calls of jobs, as callers send them who do not know Airflow."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.integration.jobs_api.conftest import Api

MANUAL = {"start_date": "2026-01-01", "end_date": "2026-01-12"}


def test_jobs_of_each_kind_are_listed(api: Api) -> None:
    """With the words of the API, whatever makes them."""
    jobs = {job["name"]: job for job in api.call("GET", "/jobs")["data"]}
    assert set(jobs) == {"DailySalesReport", "ProcessPendingWebhooks", "nightly_build", "shop__backup", "by_hand"}
    sales = jobs["DailySalesReport"]
    assert sales["id"] == "DailySalesReport"
    assert (sales["job_type"], sales["cron_expression"], sales["is_enabled"]) == ("report", "0 6 * * *", True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT06:00:00Z", sales["next_run_at"])
    assert sales["last_run_status"] is None
    assert [job["queue"] for job in (jobs["ProcessPendingWebhooks"], jobs["nightly_build"])] == ["critical", "low"]
    assert jobs["ProcessPendingWebhooks"]["schedule"]["every_seconds"] == 300
    assert (jobs["shop__backup"]["cron_expression"], jobs["shop__backup"]["timezone"]) == (
        "30 1 * * *",
        "Europe/Prague",
    )
    assert (jobs["nightly_build"]["cron_expression"], jobs["by_hand"]["next_run_at"]) == ("0 2 * * *", None)


def test_a_job_runs_with_its_input(api: Api) -> None:
    """The shape of the answer, and the run as Airflow has it."""
    made = api.call("POST", "/jobs/DailySalesReport/run", 202, json={"input": MANUAL})
    assert made["job_id"] == "DailySalesReport"
    assert re.fullmatch(r"exec-\d{4}-\d\d-\d\d-manual-\d+", made["execution_id"])
    assert made["status"] == "pending"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", made["scheduled_at"])
    [run] = api.query("SELECT dag_id, conf, state, triggering_user_name FROM dag_run")
    assert run == {
        "dag_id": "DailySalesReport",
        "conf": MANUAL,
        "state": "queued",
        "triggering_user_name": "jobs: admin",
    }
    assert api.call("GET", f"/executions/{made['execution_id']}")["input"] == MANUAL


def test_a_page_ends_where_the_next_begins(api: Api) -> None:
    """Each job once, whatever the length of the pages; filters hold on all of them."""
    for limit in (1, 2, 5):
        seen, cursor = [], None
        while True:
            page = api.call("GET", "/jobs", params={"limit": limit, **({"cursor": cursor} if cursor else {})})
            seen += [job["id"] for job in page["data"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == sorted(seen)
        assert (len(seen), page["total"]) == (5, 5)
    for filters, found in (
        ({"text": "sales day"}, ["DailySalesReport"]),
        ({"queue": "critical"}, ["ProcessPendingWebhooks"]),
        ({"tag": "team/build"}, ["nightly_build"]),
        ({"job_type": "cronjob"}, ["shop__backup"]),
        ({"enabled": "false"}, []),
    ):
        assert [job["id"] for job in api.call("GET", "/jobs", params=filters)["data"]] == found
    for cursor in ("!", "AA=", "a" * 401, "\x00"):
        api.call("GET", "/jobs", 422, params={"cursor": cursor})


def test_what_is_known_is_not_sent_again(api: Api) -> None:
    """By its ETag."""
    first = api.server.get("/baton/v1/jobs/by_hand", headers=api.headers)
    etag = first.headers["etag"]
    api.call("GET", "/jobs/by_hand", 304, headers={"If-None-Match": etag})
    api.call("POST", "/jobs/by_hand/pause")
    assert api.call("GET", "/jobs/by_hand", headers={"If-None-Match": etag})["is_enabled"] is False


@pytest.mark.parametrize(
    ("job", "given", "field"),
    [
        ("DailySalesReport", {"start_date": 7}, "input/start_date"),
        ("DailySalesReport", {"day": "2026-01-01"}, "input"),
        ("ProcessPendingWebhooks", {"batch": 0}, "input/batch"),
        ("nightly_build", {"run_tests": "yes"}, "input/run_tests"),
        ("nightly_build", {"branch": "a\x00"}, "input"),
    ],
)
def test_an_input_that_does_not_fit_runs_nothing(api: Api, job: str, given: dict[str, Any], field: str) -> None:
    """The field is named."""
    problem = api.call("POST", f"/jobs/{job}/run", 422, json={"input": given})
    assert problem["detail"].startswith(field)
    assert api.query("SELECT 1 FROM dag_run") == []


def test_an_input_is_open_where_nothing_is_said_of_it(api: Api) -> None:
    """A Python DAG without params reads what it likes; without a body it gets nothing."""
    api.call("POST", "/jobs/by_hand/run", 202, json={"input": {"any": ["thing"]}})
    api.call("POST", "/jobs/by_hand/run", 202)
    assert [run["conf"] for run in api.query("SELECT conf FROM dag_run ORDER BY id")] == [{"any": ["thing"]}, {}]


def test_the_same_key_is_the_same_execution(api: Api) -> None:
    """Of one caller and one job; with another input it is refused."""
    key = {"Idempotency-Key": "order-17"}
    ask = {"json": {"input": MANUAL}, "headers": key}
    ids = {api.call("POST", "/jobs/DailySalesReport/run", 202, **ask)["execution_id"] for _ in range(3)}
    assert len(ids) == 1
    api.call("POST", "/jobs/DailySalesReport/run", 409, json={"input": {}}, headers=key)
    other = api.as_token("other", "run")
    assert other.call("POST", "/jobs/DailySalesReport/run", 202, **ask)["execution_id"] not in ids
    assert api.call("POST", "/jobs/by_hand/run", 202, json={"input": MANUAL}, headers=key)["execution_id"] not in ids
    assert len(api.query("SELECT 1 FROM dag_run")) == 3


def test_a_paused_job_has_no_next_run_and_is_not_run(api: Api) -> None:
    """Until it is resumed; who did it stands in Airflow's audit log."""
    assert api.call("POST", "/jobs/DailySalesReport/pause")["is_enabled"] is False
    assert api.call("GET", "/jobs/DailySalesReport")["next_run_at"] is None
    assert "paused" in api.call("POST", "/jobs/DailySalesReport/run", 409)["detail"]
    assert api.call("POST", "/jobs/DailySalesReport/resume")["next_run_at"] is not None
    api.call("POST", "/jobs/DailySalesReport/run", 202)
    rows = api.query("SELECT event, owner FROM log WHERE dag_id = 'DailySalesReport' ORDER BY id")
    assert [(row["event"], row["owner"]) for row in rows] == [
        ("baton_pause", "jobs: admin"),
        ("baton_resume", "jobs: admin"),
        ("trigger_dag_run", "jobs: admin"),
    ]
