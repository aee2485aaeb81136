"""The warehouse chain on a running stack, as tests drive it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psycopg
import pytest
from psycopg import sql

from baton_local.stack import Stack

CANARY = "Kanarienvogel7431"
DAG_ID = "load_warehouse"
DATASETS = ("customers", "order_items", "orders", "payments", "products")
RUN_SECONDS = 300

T = TypeVar("T")


@dataclass(frozen=True)
class Chain:
    """The warehouse chain on a running stack."""

    stack: Stack

    def start(self) -> str:
        """Start a run; returns its id."""
        return self.stack.api.run_now(DAG_ID)

    def finish(self, run_id: str, timeout_seconds: float = RUN_SECONDS) -> str:
        """Wait for a run's end; returns its state."""

        def ended() -> str | None:
            state: str = self.stack.api.run(DAG_ID, run_id)["state"]
            return state if state in ("success", "failed") else None

        return await_value(ended, timeout_seconds)

    def states(self, run_id: str) -> dict[str, str]:
        """Task id → state."""
        return {item["task_id"]: item["state"] for item in self.stack.api.task_instances(DAG_ID, run_id)}

    def failures(self, run_id: str) -> str:
        """The logs of the failed tasks."""
        instances = self.stack.api.task_instances(DAG_ID, run_id)
        logs = {
            item["task_id"]: self.stack.api.log(DAG_ID, run_id, item["task_id"], item["try_number"])
            for item in instances
            if item["state"] == "failed"
        }
        return "\n".join(f"--- {task_id}\n{log}" for task_id, log in logs.items())

    def await_running(self, run_id: str, task_id: str) -> None:
        """Wait until a task's pod runs (its task waits for it) or has run."""
        await_value(lambda: self.states(run_id)[task_id] in ("deferred", "success"), 60)

    def rows(self, where: str) -> dict[str, int]:
        """Dataset → rows, counted in the source or in the warehouse."""
        dsn = {"source": self.stack.source_dsn, "warehouse": self.stack.warehouse_dsn}[where]
        with psycopg.connect(dsn) as connection:
            return {name: _count(connection, name) for name in DATASETS}


def _count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    return int(row[0]) if row else 0


def await_value(question: Callable[[], T | None], timeout_seconds: float) -> T:
    """Ask until the answer is true; fails the test after the time."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.2)
    pytest.fail(f"not within {timeout_seconds} s: {question}")
