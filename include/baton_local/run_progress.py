"""Follow a DAG run while it goes: a line for each task that ends, and what is running now."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from baton_local.airflow_api import AirflowApi

FINAL = {"success", "failed", "skipped", "upstream_failed", "removed"}
MARKS = {"success": "[green]✓[/]", "failed": "[red]✗[/]", "up_for_retry": "[yellow]↻[/]"}
POLL_SECONDS = 0.5


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds between two of the API's times; None while one is missing."""
    if not start or not end:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def follow_run(
    api: AirflowApi, dag_id: str, run_id: str, console: Console, troubles: Callable[[], list[str]] = list
) -> str:
    """Print the tasks of a run as they end, until the run itself has ended; returns its state.

    :param troubles: asked now and then for what keeps pods from running; it is printed at once.
    """
    shown: set[tuple[str, int, str]] = set()
    began = time.monotonic()
    with console.status("Waiting for the scheduler …") as line:
        while True:
            run = api.run(dag_id, run_id)
            instances = api.task_instances(dag_id, run_id)
            for instance in sorted(instances, key=_ended_at):
                _show_once(instance, shown, console, time.monotonic() - began)
            for text in troubles():
                console.print(f"{time.monotonic() - began:6.1f} s  [yellow]![/] {escape(text)}", soft_wrap=True)
            line.update(_now(instances))
            if run["state"] in ("success", "failed"):
                return str(run["state"])
            time.sleep(POLL_SECONDS)


def _ended_at(instance: dict[str, Any]) -> str:
    return str(instance["end_date"] or "")


def _show_once(
    instance: dict[str, Any], shown: set[tuple[str, int, str]], console: Console, elapsed_seconds: float
) -> None:
    state = instance["state"]
    key = (instance["task_id"], instance["try_number"], str(state))
    if key in shown or state not in FINAL | {"up_for_retry"}:
        return
    shown.add(key)
    took = seconds_between(instance["start_date"], instance["end_date"])
    words = "" if state == "success" else f"  {state.replace('_', ' ')}"
    duration = "" if took is None else f"{took:5.1f} s"
    console.print(f"{elapsed_seconds:6.1f} s  {MARKS.get(state, '·')} {instance['task_id']:<28}{duration}{words}")


def _now(instances: list[dict[str, Any]]) -> str:
    """What is going on, in one line."""
    done = sum(instance["state"] in FINAL for instance in instances)
    busy = [
        f"{instance['task_id']} ({age:.0f} s)"
        for instance in instances
        if instance["state"] in ("running", "deferred")
        and (age := seconds_between(instance["start_date"], datetime.now(UTC).isoformat())) is not None
    ]
    return f"{done} of {len(instances)} tasks done · running: {', '.join(busy) or 'none yet'}"
