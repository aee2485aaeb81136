"""The client and `./baton jobs`, against a server with a socket."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.jobs_api.conftest import Api
from tests.integration.jobs_api.test_executions import end

from baton.jobs.api.client import AirflowError, JobsClient
from baton.jobs.api.shapes import Status
from baton.jobs.command import main


@pytest.fixture
def asked(api: Api, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command as somebody who has a password, until a token is set; returns what it prints."""
    for name, value in {"URL": address, "USER": "admin", "PASSWORD": "admin-password"}.items():
        monkeypatch.setenv(f"BATON_AIRFLOW_{name}", value)
    monkeypatch.delenv("BATON_JOBS_TOKEN", raising=False)

    def ask(*words: str, code: int = 0) -> str:
        assert main(list(words)) == code
        printed = "".join(capsys.readouterr()).splitlines(keepends=True)
        return "".join(line for line in printed if "[info " not in line)  # of the server, which is in this process

    return ask


def test_client_gives_typed_answers(api: Api, address: str) -> None:
    """All pages of a list, and refusals with their status."""
    secret = api.as_token("typed", "read", "run").headers["Authorization"].removeprefix("Bearer ")
    with JobsClient(address, secret) as jobs:
        assert [job.id for job in jobs.jobs(queue="critical")] == ["ProcessPendingWebhooks"]
        started = jobs.run("by_hand", {"any": 1}, idempotency_key="k")
        assert jobs.run("by_hand", {"any": 1}, idempotency_key="k") == started
        end(api, "failed", "by_hand")
        assert jobs.wait(started.execution_id).status == Status.FAILED
        assert [each.id for each in jobs.executions("by_hand", Status.FAILED)] == [started.execution_id]
        assert jobs.retry(started.execution_id).status == Status.PENDING
        assert jobs.cancel(started.execution_id).status == Status.CANCELLED
        assert [queue.name for queue in jobs.queues().queues] == ["critical", "default", "low"]
        with pytest.raises(AirflowError) as refused:
            jobs.pause("by_hand")
        assert refused.value.status == 403


def test_commands_ask_the_api(api: Api, asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a password first, then with the token that was made by it."""
    secret = asked("token", "create", "ops", "--scope", "read", "--scope", "run", "--scope", "manage").strip()
    monkeypatch.setenv("BATON_JOBS_TOKEN", secret)
    assert "DailySalesReport  [default]  0 6 * * *; next" in asked("list")
    moved = asked("reschedule", "DailySalesReport", "--cron", "0 7 * * *", "--zone", "America/Los_Angeles")
    assert moved.count("next: ") == 5
    assert "0 7 * * *, set by token ops" in asked("list")
    assert "0 6 * * *" in asked("reschedule", "DailySalesReport", "--reset")
    assert "paused" in asked("pause", "by_hand")
    assert "paused" not in asked("resume", "by_hand")
    number = asked("run", "nightly_build", "--input", '{"branch": "next"}').strip()
    assert "branch" in asked("run", "nightly_build", "--input", '{"branch": 7}', code=2)
    assert number in asked("executions", "nightly_build", "--status", "pending")
    assert "build: pending" in asked("execution", number)
    assert "cancelled" in asked("cancel", number)
    assert asked("retry", number, "--whole").strip() == number
    assert "workers: " in asked("queues")
    asked("token", "list", code=2)
    monkeypatch.delenv("BATON_JOBS_TOKEN")
    asked("token", "rotate", "ops")
    assert "keys 2;" in asked("token", "remove", "ops", "--key", "1")
    asked("token", "remove", "ops")
    assert asked("token", "list") == ""
