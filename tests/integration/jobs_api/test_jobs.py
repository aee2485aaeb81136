"""The calls of jobs, as callers send them who do not know Airflow."""

from __future__ import annotations

import re

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
    assert (jobs["shop__backup"]["cron_expression"], jobs["shop__backup"]["timezone"]) == ("30 1 * * *", "Europe/Prague")
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
