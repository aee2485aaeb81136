"""Jobs as tasks of a running Airflow: what its users do with them in the UI."""

import os
import re
import signal

import pytest
from tests.acceptance.chain import await_value

from baton_local.stack import Stack

# What an eviction does to a Job is told by the integration tests; here it would change what is counted.
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize("stack", ["calm cluster"], indirect=True),
]
DAG_ID = "run_jobs"


def test_jobs_live_and_die_with_their_tasks(stack: Stack) -> None:
    """One ends by itself: its log and its result are Airflow's. One is cleared, which runs it again under its name,
    and then marked as failed, which removes it."""
    run_id = stack.api.run_now(DAG_ID)

    def states() -> dict[str, str]:
        return {item["task_id"]: item["state"] for item in stack.api.task_instances(DAG_ID, run_id)}

    def sleeping() -> dict[str, str]:
        return jobs(stack, "sleep-")

    await_value(lambda: states()["count"] == "success", 60)
    assert stack.api.result(DAG_ID, run_id, "count") == 3
    log = stack.api.log(DAG_ID, run_id, "count", 1)
    assert [log.count(f"line {number} of 3") for number in (1, 2, 3)] == [1, 1, 1], log

    await_value(lambda: states()["sleep"] == "deferred", 30)
    before = await_value(sleeping, 10)
    body = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["sleep"], "only_failed": False}
    stack.api.call("POST", f"/dags/{DAG_ID}/clearTaskInstances", json=body)
    await_value(lambda: sleeping().keys() == before.keys() and sleeping() != before, 60)

    await_value(lambda: states()["sleep"] == "deferred", 60)
    stack.api.call("PATCH", f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/sleep", json={"new_state": "failed"})
    await_value(lambda: not sleeping(), 60)


def test_marked_while_no_trigger_runs_no_job_stays(stack: Stack) -> None:
    """As in the moment after a deferral, or while the triggerer is restarted."""
    pid = next(item["pid"] for item in stack.supervisor.processes() if item["name"] == "triggerer")
    os.kill(pid, signal.SIGSTOP)
    try:
        run_id = stack.api.trigger(DAG_ID)["dag_run_id"]
        address = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/sleep"
        await_value(lambda: stack.api.call("GET", address)["state"] == "deferred", 60)
        stack.api.call("PATCH", address, json={"new_state": "failed"})
        assert jobs(stack, "sleep-")
    finally:
        os.kill(pid, signal.SIGCONT)
    await_value(lambda: not jobs(stack, "sleep-"), 60)


def test_marked_while_its_worker_is_still_at_it_no_job_stays(stack: Stack) -> None:
    """Airflow refuses the deferral then, and no trigger will run: the worker takes its Job back."""
    run_id = stack.api.trigger(DAG_ID)["dag_run_id"]
    address = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/sleep"
    await_value(lambda: stack.api.call("GET", address)["state"] in ("running", "deferred"), 60)
    stack.api.call("PATCH", address, json={"new_state": "failed"})

    await_value(
        lambda: re.search("was not deferred|Task killed|Deleting Job", stack.api.log(DAG_ID, run_id, "sleep", 1)), 60
    )
    await_value(lambda: not jobs(stack, "sleep-"), 60)


def jobs(stack: Stack, prefix: str) -> dict[str, str]:
    """Name → uid of the Jobs whose names begin so."""
    with stack.cluster.client() as client:
        items = client.get("/apis/batch/v1/namespaces/baton/jobs").json()["items"]
    found = [item["metadata"] for item in items if item["metadata"]["name"].startswith(prefix)]
    return {metadata["name"]: metadata["uid"] for metadata in found}
