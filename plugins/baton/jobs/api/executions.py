"""Runs of DAGs as executions: their ids, how they stand, what their steps did."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from baton.airflow_internals.stored_runs import (
    StoredExecution,
    StoredTry,
    find_execution,
    log_tail,
    remembered,
    tries,
)
from baton.jobs.api.problems import ApiError
from baton.jobs.api.shapes import Attempt, Execution, ExecutionDetail, LogTail, Started, Status, Step
from baton.jobs.run.memory import PREFIX, State

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_ID = re.compile(r"exec-\d{4}-\d\d-\d\d-[a-z_]+-(\d{1,9})")
_STATUS = {"queued": Status.PENDING, "running": Status.RUNNING, "success": Status.SUCCESS, "failed": Status.FAILED}
AIRFLOW_STATES = {
    Status.PENDING: "queued",
    Status.RUNNING: "running",
    Status.SUCCESS: "success",
    Status.FAILED: "failed",
    Status.CANCELLED: "failed",
}
_STEP_STATUS = {
    State.RUNNING: "running",
    State.DONE: "success",
    State.ENDED_JOB: "skipped",
    State.PASSED_OVER: "failed",
    State.FAILED: "failed",
}
_TASK_STATUS = {
    "": "pending",
    "scheduled": "pending",
    "queued": "pending",
    "up_for_retry": "pending",
    "up_for_reschedule": "pending",
    "deferred": "running",
    "restarting": "running",
    "upstream_failed": "skipped",
    "removed": "skipped",
}


def execution_id(number: int, run_type: str, run_after: datetime) -> str:
    """As `exec-2026-01-12-manual-17`: day and kind for people, the number of the run for certain."""
    return f"exec-{run_after.astimezone(UTC):%Y-%m-%d}-{run_type}-{number}"


def found_execution(session: Session, given: str) -> StoredExecution:
    """The execution of an id.

    :raises ApiError: 404 there is none.
    """
    matched = _ID.fullmatch(given)
    found = find_execution(session, int(matched[1])) if matched and int(matched[1]) < 2**31 else None
    if found is None or given != execution_id(found.number, found.run_type, found.run_after):
        raise ApiError(404, f"there is no execution {given[:100]}, or you may not see it")
    return found


def status_of(state: str, *, is_cancelled: bool = False) -> Status:
    """How a run stands, in the words of the API."""
    return Status.CANCELLED if is_cancelled else _STATUS.get(state, Status.PENDING)


def started(found: StoredExecution) -> Started:
    """The answer to who asked for a run."""
    shown = execution_id(found.number, found.run_type, found.run_after)
    status = status_of(found.state, is_cancelled=found.is_cancelled)
    return Started(id=shown, job_id=found.dag_id, execution_id=shown, status=status, scheduled_at=found.run_after)


def execution(found: StoredExecution) -> Execution:
    """Without its steps."""
    return Execution(**_fields(found))


def execution_detail(session: Session, found: StoredExecution, log_lines: int) -> ExecutionDetail:
    """With steps, tries, and the end of the log that says most.

    :param log_lines: how many lines of the log; 0: none.
    """
    all_tries = tries(session, found.dag_id, found.run_id)
    steps = list(_steps(session, found, all_tries))
    attempts = [_attempt(each) for each in all_tries if each.number > 0]
    tail = _tail(session, found, all_tries, log_lines) if log_lines else None
    return ExecutionDetail(**_fields(found), steps=steps, attempts=attempts, log_tail=tail)


def _fields(found: StoredExecution) -> dict[str, Any]:
    shown = execution_id(found.number, found.run_type, found.run_after)
    airflow = f"/dags/{quote(found.dag_id)}/runs/{quote(found.run_id)}"
    return {
        "id": shown,
        "job_id": found.dag_id,
        "execution_id": shown,
        "run_id": found.run_id,
        "status": status_of(found.state, is_cancelled=found.is_cancelled),
        "trigger": found.run_type,
        "started_by": found.started_by,
        "input": found.conf,
        "scheduled_at": found.run_after,
        "started_at": found.start,
        "ended_at": found.end,
        "duration_seconds": _took(found.start, found.end),
        "links": {
            "airflow": airflow,
            "job": f"/baton/v1/jobs/{quote(found.dag_id)}",
            "self": f"/baton/v1/executions/{shown}",
        },
    }


def _took(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end else None


def _steps(session: Session, found: StoredExecution, all_tries: list[StoredTry]) -> Iterator[Step]:
    """The steps that a job file's tasks remember; each other task is a step of its own."""
    records: dict[str, list[tuple[str, Any]]] = {}
    for task_id, name, record in remembered(session, found.number, PREFIX):
        if isinstance(record, dict) and "state" in record:
            records.setdefault(task_id, []).append((name, record))
    latest = sorted((each for each in all_tries if each.is_latest), key=_begun)
    for task in latest:
        if task.task_id in records:
            for name, record in sorted(records[task.task_id], key=lambda each: str(each[1].get("started_at", ""))):
                yield _recorded(name, task.task_id, record)
        else:
            yield _task_step(task)


def _begun(each: StoredTry) -> tuple[bool, float, str, int]:
    return each.start is None, each.start.timestamp() if each.start else 0.0, each.task_id, each.map_index


def _recorded(name: str, task_id: str, record: dict[str, Any]) -> Step:
    begin, end = (_moment(record.get(key)) for key in ("started_at", "ended_at"))
    return Step(
        name=name,
        task_id=task_id,
        status=_STEP_STATUS.get(record["state"], str(record["state"])),
        attempts=int(record.get("attempts", 1)),
        started_at=begin,
        ended_at=end,
        duration_seconds=_took(begin, end),
        message=str(record.get("message", "")),
    )


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _task_step(task: StoredTry) -> Step:
    return Step(
        name=task.task_id,
        task_id=task.task_id,
        status=_TASK_STATUS.get(task.state, task.state),
        attempts=task.number,
        started_at=task.start,
        ended_at=task.end,
        duration_seconds=_took(task.start, task.end),
        item=None if task.map_index < 0 else task.map_index,
    )


def _attempt(each: StoredTry) -> Attempt:
    return Attempt(
        task_id=each.task_id,
        number=each.number,
        status=_TASK_STATUS.get(each.state, each.state),
        queue=each.queue,
        started_at=each.start,
        ended_at=each.end,
        duration_seconds=_took(each.start, each.end),
        item=None if each.map_index < 0 else each.map_index,
    )


def _tail(session: Session, found: StoredExecution, all_tries: list[StoredTry], lines: int) -> LogTail | None:
    begun = [each for each in all_tries if each.number > 0 and each.start is not None]
    if not begun:
        return None
    failed = [each for each in begun if each.state == "failed" and each.is_latest]
    wanted = max(failed or begun, key=lambda each: (each.start, each.number))
    kept = log_tail(session, found.dag_id, found.run_id, wanted, lines)
    return LogTail(task_id=wanted.task_id, attempt=wanted.number, lines=kept)
