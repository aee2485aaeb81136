"""The functions' DAGs on a running stack: mails go out once, rows are processed once, kills lose nothing."""

import email
import email.policy
import os
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from tests.acceptance.chain import await_value

from baton_local.stack import Stack

# What a slow cluster does to pods does not touch functions.
pytestmark = pytest.mark.parametrize("stack", ["calm cluster"], indirect=True)
RUN_SECONDS = 150


def finish(stack: Stack, dag_id: str, run_id: str) -> Any:
    """Wait for a run's end; returns what its task returned."""

    def ended() -> str | None:
        state: str = stack.api.run(dag_id, run_id)["state"]
        return state if state in ("success", "failed") else None

    state = await_value(ended, RUN_SECONDS)
    [task] = stack.api.task_instances(dag_id, run_id)
    assert state == "success", stack.api.log(dag_id, run_id, task["task_id"], task["try_number"])
    return stack.api.result(dag_id, run_id, task["task_id"])


def start(stack: Stack, dag_id: str) -> str:
    """Switch the DAG on; returns the id of the run that is due, or of a new one."""
    return stack.api.run_now(dag_id)


def ask(stack: Stack, sql: str) -> list[tuple[object, ...]]:
    """Ask the shop."""
    with psycopg.connect(stack.source_dsn) as connection:
        return connection.execute(sql).fetchall()  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def summaries(stack: Stack) -> Iterator[set[str]]:
    """The mail files that were there before; those that come are removed: they name people, as mails do."""
    before = {path.name for path in stack.layout.mail.iterdir()}
    yield before
    for path in stack.layout.mail.iterdir():
        if path.name not in before:
            path.unlink()


def test_each_user_gets_a_days_summary_once(stack: Stack, summaries: set[str]) -> None:
    """However often the DAG runs for that day."""
    wanted = {address for (address,) in ask(stack, "SELECT email FROM users WHERE is_active AND wants_daily_summary")}
    first = finish(stack, "send_daily_summary", start(stack, "send_daily_summary"))
    day = (datetime.now(ZoneInfo("Europe/Prague")) - timedelta(days=1)).date()
    again = finish(stack, "send_daily_summary", stack.api.trigger("send_daily_summary")["dag_run_id"])
    assert (first["sent"], again["sent"], again["already"]) == (len(wanted), 0, len(wanted))

    files = [path for path in stack.layout.mail.iterdir() if path.name not in summaries]
    mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files]
    receivers = [mail["To"].addresses[0].addr_spec for mail in mails if f"{day:%d %B %Y}" in mail["Subject"]]
    assert sorted(receivers) == sorted(wanted)


def test_deliveries_are_processed_though_gateway_and_triggerer_are_killed(stack: Stack) -> None:
    """The call was accepted: its answer comes by callback, from the gateway's next process to the next triggerer."""
    due = "SELECT count(*) FROM incoming_webhooks WHERE status = 'received'"
    [(before,)] = ask(stack, due)
    run_id = start(stack, "process_hourly_data")
    accepted = ("deferred", "success")
    await_value(lambda: stack.api.task_instances("process_hourly_data", run_id)[0]["state"] in accepted, 60)
    for process in stack.supervisor.processes():
        if process["name"] in ("gateway", "triggerer"):
            os.kill(process["pid"], signal.SIGKILL)
    counts = finish(stack, "process_hourly_data", run_id)
    assert before
    assert ask(stack, due) == [(counts["postponed"],)]


def test_pending_orders_are_decided_in_batches(stack: Stack) -> None:
    """Each of them once, by callbacks; a second run finds only those that still wait."""
    [(pending,)] = ask(stack, "SELECT count(*) FROM orders WHERE status = 'pending'")
    manifest = finish(stack, "process_pending_items", start(stack, "process_pending_items"))
    assert (manifest["items"], manifest["succeeded"], manifest["failed"]) == (pending, pending, 0)
    assert manifest["batches"] == -(-pending // 100) > 1
    [(waiting,)] = ask(stack, "SELECT count(*) FROM orders WHERE status = 'pending'")
    assert waiting < pending
    overdue = "SELECT count(*) FROM orders WHERE status = 'pending' AND placed_at < now() - interval '15 days'"
    assert ask(stack, overdue) == [(0,)]


def test_callback_route_takes_nothing_without_a_signature(stack: Stack) -> None:
    """In the real API server: with and without a login, any method."""
    import httpx

    url = f"{stack.airflow.url}/baton/functions/v1/callbacks"
    for headers in ({}, {"Authorization": f"Bearer {stack.api.token()}"}):
        assert httpx.post(f"{url}/e30.AAAA", headers=headers, content=b"{}").status_code == 403
        assert httpx.get(url, headers={**headers, "X-Baton-Callback-Token": "e30.AAAA"}).status_code == 403
        assert httpx.get(f"{url}/e30.AAAA", headers=headers).status_code == 405
