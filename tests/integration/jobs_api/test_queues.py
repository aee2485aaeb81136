"""Queues, workers and metrics, counted in Airflow's database."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.integration.jobs_api.conftest import Api

STATES = ("scheduled", "queued", "running", "success", "failed", "up_for_retry", "deferred")


@pytest.fixture
def busy(api: Api) -> Api:
    """One task in each state: of `nightly_build`, which is in the queue low; and two runs that have ended."""
    for _ in range(6):
        api.call("POST", "/jobs/nightly_build/run", 202)
    api.call("POST", "/jobs/DailySalesReport/run", 202)
    rows = api.query("SELECT id FROM task_instance WHERE dag_id = 'nightly_build' ORDER BY run_id, task_id")[:7]
    for row, state in zip(rows, STATES, strict=False):
        api.query(
            "UPDATE task_instance SET state = :state, scheduled_dttm = now() - interval '100 s', try_number = 2, "
            "start_date = now() - interval '90 s', end_date = now() WHERE id = :id",
            state=state,
            id=row["id"],
        )
    ids = [row["id"] for row in api.query("SELECT id FROM dag_run WHERE dag_id = 'nightly_build' ORDER BY id")]
    for number, state, seconds in ((ids[4], "success", 30), (ids[5], "failed", 1000)):
        api.query(
            "UPDATE dag_run SET state = :state, end_date = now(), start_date = now() - make_interval(secs => :seconds) "
            "WHERE id = :id",
            state=state, seconds=seconds, id=number,
        )  # fmt: skip
    return api


def test_queues_say_what_waits_and_what_goes(busy: Api) -> None:
    """In the words of the mission; each task once."""
    status = busy.call("GET", "/queues/status")
    queues = {queue["name"]: queue for queue in status["queues"]}
    assert list(queues) == ["critical", "default", "low"]
    counts = {name: queues["low"][name] for name in ("pending", "active", "completed", "failed", "scheduled")}
    assert counts == {"pending": 2, "active": 1, "completed": 1, "failed": 1, "scheduled": 3}
    assert 95 < queues["low"]["longest_wait_seconds"] < 200
    assert status["workers"] == {"total": 32, "active": 2, "idle": 30}
    assert {(each["queue"], each["average_seconds"]) for each in status["waiting"]} == {("low", 10.0)}


def test_metrics_are_read_by_prometheus(busy: Api) -> None:
    """OpenMetrics, with what the alert rules ask for; of the jobs that the caller may see."""
    response = busy.server.get("/baton/v1/metrics", headers=busy.headers)
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    found = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            found[sample.name, sample.labels.get("job") or sample.labels.get("queue"), sample.labels.get("le")
                  or sample.labels.get("status") or sample.labels.get("state")] = sample.value  # fmt: skip
    build = "nightly_build"
    assert found["baton_job_runs_total", build, "success"] == found["baton_job_runs_total", build, "failed"] == 1
    assert found["baton_job_success_ratio", build, None] == 0.5
    buckets = [found["baton_job_duration_seconds_bucket", build, bound] for bound in ("15.0", "60.0", "900.0", "+Inf")]
    assert buckets == [0, 1, 1, 2]
    assert found["baton_job_duration_seconds_sum", build, None] == pytest.approx(1030)
    assert found["baton_job_failures_in_a_row", build, None] == 1
    assert found["baton_queue_tasks", "low", "pending"] == 2
    assert found["baton_queue_retries_total", "low", None] == 7
    assert found["baton_workers", None, "idle"] == 30
    assert found["baton_worker_utilisation_ratio", None, None] == 2 / 32
    assert found["baton_job_timeout_seconds", "DailySalesReport", None] == 1800
    limited = busy.as_token("limited", "read", jobs=["by_hand"])
    assert "nightly_build" not in busy.server.get("/baton/v1/metrics", headers=limited.headers).text
