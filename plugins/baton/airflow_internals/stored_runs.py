"""The runs of DAGs as executions of jobs: tasks with every try, what their steps remember, the end of their logs."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun, DagRunNote
from airflow.models.task_state_store import TaskStateStoreModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.log.log_reader import TaskLogReader
from sqlalchemy import and_, func, or_, select

from baton.airflow_internals.stored_jobs import plain

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CANCELLED_NOTE = "cancelled by "
"""What the note of a run begins with that somebody has ended: Airflow knows `failed` only."""
_BAG = DBDagBag()
_LONGEST_LOG = 200_000
"""Lines that are looked through for the last ones."""


@dataclass(frozen=True, slots=True)
class StoredExecution:
    """A DAG run.

    :param number: its key in Airflow's table.
    :param is_cancelled: somebody has ended it by way of the jobs API.
    """

    number: int
    dag_id: str
    run_id: str
    state: str
    run_type: str
    run_after: datetime
    queued_at: datetime | None
    start: datetime | None
    end: datetime | None
    conf: dict[str, Any]
    started_by: str
    is_cancelled: bool


@dataclass(frozen=True, slots=True)
class StoredTry:
    """One try of a task; the state of the latest may still change."""

    task_id: str
    map_index: int
    number: int
    state: str
    queue: str
    start: datetime | None
    end: datetime | None
    is_latest: bool


def find_execution(session: Session, number: int) -> StoredExecution | None:
    """A run by its key."""
    row = session.execute(_runs().where(DagRun.id == number)).one_or_none()
    return _execution(row) if row else None


def find_run(session: Session, dag_id: str, run_id: str) -> StoredExecution | None:
    """A run by its ids."""
    row = session.execute(_runs().where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one_or_none()
    return _execution(row) if row else None


def page_of_executions(
    session: Session, dag_id: str, states: Collection[str], *, cancelled: bool | None, before: int | None, most: int
) -> list[StoredExecution]:
    """Runs of a DAG, the newest first.

    :param states: Airflow's; empty: all.
    :param cancelled: only those, or only others.
    :param before: only those with a lower key.
    """
    query = _runs().where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()).limit(most)
    if states:
        query = query.where(DagRun.state.in_(sorted(states)))
    if cancelled is not None:
        noted = func.coalesce(DagRunNote.content, "").like(f"{CANCELLED_NOTE}%")
        query = query.where(noted if cancelled else ~noted)
    if before is not None:
        query = query.where(DagRun.id < before)
    return [_execution(row) for row in session.execute(query)]


def _runs() -> Any:
    return select(
        DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.run_type, DagRun.run_after, DagRun.queued_at,
        DagRun.start_date, DagRun.end_date, DagRun.conf, DagRun.triggering_user_name, DagRunNote.content,
    ).outerjoin(DagRunNote, DagRunNote.dag_run_id == DagRun.id)  # fmt: skip


def _execution(row: Any) -> StoredExecution:
    is_cancelled = str(row.state) == "failed" and (row.content or "").startswith(CANCELLED_NOTE)
    run_after: Any = plain(row.run_after)
    moments = (plain(row.queued_at), plain(row.start_date), plain(row.end_date))
    by, conf = row.triggering_user_name or "", dict(row.conf or {})
    return StoredExecution(
        row.id, row.dag_id, row.run_id, str(row.state), str(row.run_type), run_after, *moments, conf, by, is_cancelled
    )


def tries(session: Session, dag_id: str, run_id: str) -> list[StoredTry]:
    """All tries of all tasks of a run; a task that was never begun has one, with number 0."""
    found = []
    for model, is_latest in ((TaskInstanceHistory, False), (TaskInstance, True)):
        query = select(
            model.task_id, model.map_index, model.try_number, model.state, model.queue, model.start_date, model.end_date
        ).where(model.dag_id == dag_id, model.run_id == run_id)
        for task_id, index, number, state, queue, start, end in session.execute(query):
            moments = (plain(start), plain(end))
            found.append(StoredTry(task_id, index, number, str(state or ""), queue or "", *moments, is_latest))
    return sorted(found, key=lambda each: (each.task_id, each.map_index, each.number, each.is_latest))


def remembered(session: Session, number: int, prefix: str) -> Iterator[tuple[str, str, Any]]:
    """What the tasks of a run keep in Airflow's task state store: task, key without its prefix, the value."""
    query = select(TaskStateStoreModel.task_id, TaskStateStoreModel.key, TaskStateStoreModel.value).where(
        TaskStateStoreModel.dag_run_id == number, TaskStateStoreModel.key.startswith(prefix, autoescape=True)
    )
    for task_id, key, text in session.execute(query):
        try:
            yield task_id, key.removeprefix(prefix), json.loads(text)
        except ValueError:  # somebody else's
            continue


def log_tail(session: Session, dag_id: str, run_id: str, wanted: StoredTry, lines: int) -> list[str]:
    """The last lines of a try's log; none where it cannot be read."""
    model = TaskInstance if wanted.is_latest else TaskInstanceHistory
    task: Any = session.scalar(
        select(model).where(
            and_(model.dag_id == dag_id, model.run_id == run_id, model.task_id == wanted.task_id),
            model.map_index == wanted.map_index,
            or_(model.try_number == wanted.number),
        )
    )
    reader = TaskLogReader()
    if task is None or wanted.number == 0 or not reader.supports_read:
        return []
    dag = _BAG.get_dag_for_run(task.dag_run, session=session)
    if dag is not None and dag.has_task(task.task_id):
        task.task = dag.get_task(task.task_id)
    whole: Any = {"download_logs": True}
    stream, _ = reader.read_log_chunks(task, wanted.number, whole)
    kept: deque[str] = deque(maxlen=lines)
    for place, message in enumerate(stream):
        if place >= _LONGEST_LOG:
            break
        kept.append(_line(message))
    return list(kept)


def _line(message: Any) -> str:
    if isinstance(message, str):
        return message
    moment = f"{message.timestamp.isoformat()} " if message.timestamp else ""
    return f"{moment}{message.event}"
