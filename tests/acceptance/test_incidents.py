"""The DAGs of incidents on a running stack: evidence is collected, a person is asked and obeyed."""

import json
import time
from datetime import UTC, datetime, timedelta

from tests.acceptance.chain import RUN_SECONDS, await_value
from tests.acceptance.incidents import (
    archives,
    ask,
    deployed,
    deployment,
    ended,
    files,
    is_crashing,
    messages,
    pods,
    s3,
)

from baton_local.stack import Stack

CANARY = "Kanarienpasswort-4711"
ASKED = datetime.now(UTC)
QUESTION = "/dags/heal_workloads/dagRuns/{}/taskInstances/heal.ask/0"
SETTLE_SECONDS = 3


def test_diagnostics_of_a_crashing_deployment(stack: Stack) -> None:
    """With a conf as the receiver makes it; secrets are neither in the archive nor in the task's log."""
    script = f"echo connecting to postgresql://shop:{CANARY}@db/shop; echo no route to host; exit 5"
    with deployed(stack, deployment("ledger", ["sh", "-c", script])):
        await_value(lambda: is_crashing(pods(stack, "ledger")), 60)
        alert = {"source": "alertmanager", "route": "services", "status": "firing", "fingerprint": "f00d"}
        alert |= {
            "starts_at": ASKED.isoformat(),
            "labels": {"alertname": "HighErrorRate", "note": "{{ 7 * 7 }}; $(id)"},
        }
        conf = {"alert": alert, "target": {"namespace": "baton", "kind": "Deployment", "name": "ledger"}, "others": []}
        stack.api.unpause("collect_diagnostics")
        run_id: str = stack.api.trigger("collect_diagnostics", conf)["dag_run_id"]
        state = ended(stack, "collect_diagnostics", run_id)

    log = stack.api.log("collect_diagnostics", run_id, "collect", 1)
    assert state == "success", log
    result = stack.api.result("collect_diagnostics", run_id, "collect")
    client = s3(stack)
    [key] = [key for key in archives(client) if result["archive"].endswith(key)]
    found = files(client, key)
    text = "".join(found.values())
    assert any("no route to host" in log for path, log in found.items() if "/app." in path)
    assert "{{ 7 * 7 }}; $(id)" in found["index.html"]
    [message] = messages(stack, "ledger")
    link = message["blocks"][-1]["text"]["text"]
    assert "X-Amz-Signature" in link
    for place in (text, log, json.dumps(result), json.dumps(message)):
        assert CANARY not in place
    for place in (text, log, json.dumps(result)):
        assert "X-Amz-Signature" not in place


def test_after_too_many_restarts_a_person_is_asked_and_obeyed(stack: Stack) -> None:
    """The question stands in Slack with a link; the answer through the REST API restarts the workload."""
    notes = [{"at": (datetime.now(UTC) - timedelta(minutes=m)).isoformat(), "by": "earlier"} for m in (40, 30, 20)]
    body = deployment(
        "billing",
        ["sh", "-c", 'test -n "$RESTARTED_AT" && exec sleep 1000; exit 3'],
        labels={"baton.dev/heal": "true"},
        annotations={"baton.dev/heal-restarts": json.dumps(notes)},
    )
    with deployed(stack, body):
        await_value(lambda: is_crashing(pods(stack, "billing")), 60)
        stack.api.run_now("heal_workloads")
        run_id = await_value(lambda: _asking_run(stack), RUN_SECONDS / 2)
        [message, *_] = await_value(lambda: messages(stack, "billing"), 30)
        assert "restarted 3 times in the last 1 hour" in json.dumps(message)
        assert f"/dags/heal_workloads/runs/{run_id}/tasks/heal.ask" in json.dumps(message)
        await_value(lambda: _answered(stack, run_id), RUN_SECONDS / 2)
        state = ended(stack, "heal_workloads", run_id)
        instances = stack.api.task_instances("heal_workloads", run_id)
        workload = ask(stack, "GET", "/apis/apps/v1/namespaces/baton/deployments/billing")
        stack.api.call("PATCH", "/dags/heal_workloads", json={"is_paused": True})

    assert state == "success", {item["task_id"]: item["state"] for item in instances}
    annotations = workload["metadata"]["annotations"]
    assert len(json.loads(annotations["baton.dev/heal-restarts"])) == 4
    assert "baton.dev/heal-hold-until" not in annotations
    assert workload["status"]["availableReplicas"] == 1


def _asking_run(stack: Stack) -> str | None:
    """The run that asks: the one that was started, or the one that the clock owed; never both."""
    for run in stack.api.call("GET", "/dags/heal_workloads/dagRuns")["dag_runs"]:
        run_id = str(run["dag_run_id"])
        states = {item["task_id"]: item["state"] for item in stack.api.task_instances("heal_workloads", run_id)}
        if states.get("heal.ask") == "awaiting_input":
            return run_id
    return None


def _answered(stack: Stack, run_id: str) -> bool:
    """Answer the question some seconds after it is asked; True when the task is done.

    Why not at once: the answer queues the task again, and Airflow fails a task ("state mismatch") that is queued again
    before the end of the worker that asked has been reported; its next try asks again. Tasks that wait by a trigger of
    ours let that settle (`SETTLE_SECONDS`); a question has none, and no person is that quick.
    Source: `process_executor_events` in airflow/jobs/scheduler_job_runner.py, which spares states up to `scheduled`;
    https://github.com/apache/airflow/issues/71580.
    """
    path = QUESTION.format(run_id)
    state = stack.api.call("GET", path)["state"]
    if state == "awaiting_input" and not stack.api.call("GET", f"{path}/hitlDetails")["response_received"]:
        time.sleep(SETTLE_SECONDS)
        stack.api.call("PATCH", f"{path}/hitlDetails", json={"chosen_options": ["Restart it"], "params_input": {}})
    return bool(state == "success")
