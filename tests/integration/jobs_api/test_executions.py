"""Executions as they are looked at, ended and begun again."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.jobs_api.conftest import Api

RECORD = {"state": "failed", "attempts": 3, "started_at": "2026-01-12T06:00:01.000+00:00",
          "ended_at": "2026-01-12T06:00:03.500+00:00", "message": "the warehouse says no"}  # fmt: skip


def started(api: Api, job: str = "DailySalesReport", **options: Any) -> str:
    """The id of a new execution."""
    return str(api.call("POST", f"/jobs/{job}/run", 202, **options)["execution_id"])


def end(api: Api, state: str, job: str = "DailySalesReport") -> None:
    """Let all runs of a job end so, with their tasks."""
    api.query(f"UPDATE dag_run SET state = '{state}', start_date = now() - interval '90 s', end_date = now() "  # noqa: S608
              f"WHERE dag_id = '{job}'")  # fmt: skip
    api.query(f"UPDATE task_instance SET state = '{state}', try_number = 1, start_date = now() - interval '80 s', "  # noqa: S608
              f"end_date = now() WHERE dag_id = '{job}'")  # fmt: skip


def test_executions_are_found_by_their_status(api: Api) -> None:
    """The newest first, page by page; what was cancelled has not failed."""
    first, second, third, fourth = (started(api) for _ in range(4))
    for number, state in ((first, "success"), (second, "failed"), (third, "failed")):
        api.query("UPDATE dag_run SET state = :state WHERE id = :id", state=state, id=int(number.rpartition("-")[2]))
    api.call("POST", f"/executions/{fourth}/cancel")

    def found(**query: Any) -> list[str]:
        return [each["id"] for each in api.call("GET", "/jobs/DailySalesReport/executions", params=query)["data"]]

    assert found() == [fourth, third, second, first]
    assert found(status="failed") == [third, second]
    assert found(status="cancelled") == [fourth]
    assert found(status=["failed", "cancelled"]) == [fourth, third, second]
    assert found(status=["success", "failed"]) == [third, second, first]
    assert found(status="pending") == []
    page = api.call("GET", "/jobs/DailySalesReport/executions", params={"limit": 3})
    assert found(cursor=page["next_cursor"]) == [first]
    api.call("GET", "/jobs/DailySalesReport/executions", 422, params={"status": "lost"})
    job = api.call("GET", "/jobs/DailySalesReport")
    assert job["success_rate"] == 1 / 4
    assert [run["status"] for run in job["recent_runs"]] == ["failed", "failed", "failed", "success"]


def test_an_execution_has_its_steps(api: Api) -> None:
    """Of a job file what its tasks remember; of other DAGs the tasks. With tries and how long they took."""
    number = started(api)
    end(api, "failed")
    api.query(
        "INSERT INTO task_state_store (dag_run_id, task_id, map_index, key, dag_id, run_id, value, updated_at) "
        "SELECT id, 'run_steps', -1, 'step.sales', dag_id, run_id, :value, now() FROM dag_run",
        value=json.dumps(RECORD),
    )
    found = api.call("GET", f"/executions/{number}")
    assert found["status"] == "failed"
    assert found["duration_seconds"] == 90
    [step] = found["steps"]
    assert (step["name"], step["status"], step["attempts"], step["duration_seconds"]) == ("sales", "failed", 3, 2.5)
    assert step["message"] == "the warehouse says no"
    assert [(each["task_id"], each["number"], each["status"]) for each in found["attempts"]] == [
        ("run_steps", 1, "failed")
    ]
    assert found["log_tail"]["task_id"] == "run_steps"
    other = api.call("GET", f"/executions/{started(api, 'nightly_build')}")
    assert {(step["name"], step["status"]) for step in other["steps"]} == {("build", "pending"), ("test", "pending")}


def test_what_goes_can_be_ended_and_what_has_ended_begins_again(api: Api) -> None:
    """With the failed step or as a whole; what the steps remember is forgotten only then."""
    number = started(api, "nightly_build", json={"input": {"branch": "next"}})
    api.call("POST", f"/executions/{number}/retry", 409)
    assert api.call("POST", f"/executions/{number}/cancel")["status"] == "cancelled"
    api.call("POST", f"/executions/{number}/cancel", 409)
    again = api.call("POST", f"/executions/{number}/retry", 202, json={"mode": "whole"})
    assert (again["execution_id"], again["status"]) == (number, "pending")
    end(api, "success", "nightly_build")
    assert "nothing" in api.call("POST", f"/executions/{number}/retry", 409)["detail"]
    api.query("UPDATE task_instance SET state = 'failed' WHERE task_id = 'test'")
    api.query("UPDATE dag_run SET state = 'failed'")
    api.query(
        "INSERT INTO task_state_store (dag_run_id, task_id, map_index, key, dag_id, run_id, value, updated_at) "
        "SELECT id, 'build', -1, 'step.x', dag_id, run_id, '{}', now() FROM dag_run"
    )
    api.call("POST", f"/executions/{number}/retry", 202)
    states = {row["task_id"]: row["state"] for row in api.query("SELECT task_id, state FROM task_instance")}
    assert states == {"build": "success", "test": None}
    assert len(api.query("SELECT 1 FROM task_state_store")) == 1
    end(api, "failed", "nightly_build")
    api.call("POST", f"/executions/{number}/retry", 202, json={"mode": "whole"})
    assert api.query("SELECT 1 FROM task_state_store") == []
    api.call("POST", f"/executions/{number}/retry", 422, json={"mode": "half"})


def test_an_id_that_is_not_quite_right_is_none(api: Api) -> None:
    """Another day, another kind, a number beyond all numbers."""
    number = started(api)
    head, _, tail = number.rpartition("-")
    for wrong in (tail, f"exec-2001-01-01-manual-{tail}", f"{head}-999999999", f"{head}-99999999999", "x", "%00"):
        api.call("GET", f"/executions/{wrong}", 422 if wrong == "%00" else 404)
