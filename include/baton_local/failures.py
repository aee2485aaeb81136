"""Why a run failed: for each failed task its try, the reason as the task's log gives it, and where that log is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from baton_local.airflow_api import AirflowApi
from baton_local.errors import StackError

LAST_LINES = 15
"""Of a log without an exception, as of a task that was killed."""

LogLine = dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """One failed task.

    :param task: its id, with the number of a mapped one.
    :param reason: lines of text; the exception's own message or, without one, the log's end.
    """

    task: str
    attempt: int
    reason: list[str]
    log: Path


def failures(api: AirflowApi, dag_id: str, run_id: str, logs: Path) -> Iterator[Failure]:
    """Yield the failed tasks of a run.

    :param logs: Airflow's base log folder.
    """
    for instance in api.task_instances(dag_id, run_id):
        if instance["state"] == "failed":
            yield _failure(api, instance, logs)


def _failure(api: AirflowApi, instance: dict[str, Any], logs: Path) -> Failure:
    task_id, map_index, attempt = instance["task_id"], instance["map_index"], instance["try_number"]
    mapped = map_index >= 0
    folder = logs / f"dag_id={instance['dag_id']}" / f"run_id={instance['dag_run_id']}" / f"task_id={task_id}"
    log = (folder / f"map_index={map_index}" if mapped else folder) / f"attempt={attempt}.log"
    try:
        lines = api.log_lines(instance["dag_id"], instance["dag_run_id"], task_id, attempt, map_index)
    except StackError as err:
        return Failure(task_id, attempt, [f"its log cannot be read: {err}"], log)
    return Failure(f"{task_id}[{map_index}]" if mapped else task_id, attempt, reason_in(lines), log)


def reason_in(lines: list[LogLine]) -> list[str]:
    """The message of the exception that ended a task, from its log; the log's last lines where there is none."""
    raised = [line["error_detail"] for line in lines if line.get("error_detail")]
    if not raised:
        return [str(line.get("event", "")) for line in lines[-LAST_LINES:]]
    last = raised[-1][0]  # what ended the task stands first, what led to it behind
    kind, text = str(last.get("exc_type", "error")), str(last.get("exc_value") or "")
    return [f"{kind}: {text}" if text else kind, *map(str, last.get("exc_notes") or [])]


def show_failures(api: AirflowApi, dag_id: str, run_id: str, logs: Path, console: Console) -> None:
    """Print why a run failed."""
    found = False
    for failure in failures(api, dag_id, run_id, logs):
        found = True
        console.print(f"\n[red]✗[/] {failure.task}, try {failure.attempt}:", soft_wrap=True)
        for line in failure.reason:
            console.print(f"  {line}".replace("\n", "\n  "), markup=False, soft_wrap=True)
        console.print(f"  The whole log: {failure.log}", markup=False, soft_wrap=True)
    if not found:
        console.print(f"No task failed by itself: see {api.url}/dags/{dag_id}/runs/{run_id}", soft_wrap=True)
