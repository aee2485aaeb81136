"""The shop's jobs on a running stack: what they do to its data, what is remembered, and what a cleared task repeats."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.acceptance.chain import CANARY
from tests.acceptance.test_maintenance import finish, start

from baton_local.stack import Stack

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize(
        "stack", ["calm cluster", pytest.param("slow cluster", marks=pytest.mark.soak)], indirect=True
    ),
]
WITHOUT_POD = ("CleanupJobExecutions", "LowStockAlert")
WITH_POD = {
    "CleanupExpiredReports": {},
    "CleanupExpiredSessions": {"limit": 5},
    "DatabaseMaintenance": {"dry_run": True},
    "SyncExternalInventory": {},
}
OLD = "SELECT count(*) FROM job_executions WHERE archived_at IS NULL AND finished_at < now() - interval '60 days'"


@pytest.fixture(scope="module")
def runs(stack: Stack) -> Iterator[dict[str, str]]:
    """One run of each, all at once."""
    for dag_id in (*WITHOUT_POD, *WITH_POD):
        stack.await_dag(dag_id)
    conf = {"CleanupJobExecutions": {"days": 60}, **WITH_POD}
    yield {dag_id: start(stack, dag_id, **conf.get(dag_id, {})) for dag_id in (*WITHOUT_POD, *WITH_POD)}
    for dag_id in (*WITHOUT_POD, *WITH_POD):
        stack.api.pause(dag_id)


def shop(stack: Stack, query: str) -> Any:
    dsn = stack.postgres.dsn("shop", "shop_worker", stack.credentials.password("shop_worker"))
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchone()[0]  # type: ignore[arg-type, index]


def records(stack: Stack, dag_id: str, run_id: str, task_id: str = "run_steps") -> dict[str, Any]:
    """What is remembered of the steps."""
    path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/state-store"
    found = stack.api.call("GET", path)["task_state_store"]
    return {row["key"].removeprefix("step."): row["value"] for row in found}


def posts(stack: Stack, channel: str) -> list[str]:
    return [json.loads(path.read_text())["text"] for path in sorted(stack.layout.slack.glob(f"*-_{channel}.json"))]


def test_rows_are_changed_and_counted(stack: Stack, runs: dict[str, str]) -> None:
    """Old executions are archived, and the record says how many."""
    finish(stack, "CleanupJobExecutions", runs["CleanupJobExecutions"])
    assert shop(stack, OLD) == 0
    found = records(stack, "CleanupJobExecutions", runs["CleanupJobExecutions"])
    assert {name: record["state"] for name, record in found.items()} == {"old": "done", "archived": "done"}
    assert found["archived"]["value"]["rows"] == found["old"]["value"]["items"] > 0


def test_message_is_sent_once_also_when_the_task_is_cleared(stack: Stack, runs: dict[str, str]) -> None:
    """What is done is not done again; none of the data stands in Airflow."""
    run_id = runs["LowStockAlert"]
    finish(stack, "LowStockAlert", run_id)
    before = posts(stack, "purchasing")
    assert [text.splitlines()[0].endswith("items are low:") for text in before] == [True] * len(before)
    body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True}
    stack.api.call("POST", "/dags/LowStockAlert/clearTaskInstances", json=body)
    finish(stack, "LowStockAlert", run_id)
    assert posts(stack, "purchasing") == before
    text = json.dumps(records(stack, "LowStockAlert", run_id)) + stack.api.log("LowStockAlert", run_id, "run_steps", 1)
    assert "sku" not in text.lower()
    assert CANARY not in text


@pytest.mark.parametrize("dag_id", WITH_POD)
def test_jobs_with_pods_run_to_their_end(stack: Stack, runs: dict[str, str], dag_id: str) -> None:
    """Their words reach the program."""
    finish(stack, dag_id, runs[dag_id])
    tasks = {task["task_id"]: task for task in stack.api.task_instances(dag_id, runs[dag_id])}
    assert {task["queue"] for task in tasks.values()} == {"default" if dag_id == "SyncExternalInventory" else "low"}
