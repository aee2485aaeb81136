"""DAGs as Airflow has stored them, and their runs and tasks, as records that owe Airflow nothing.

Why not its REST API: a page would ask it for each run of each DAG, and is served by the very process that answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.models.asset import AssetEvent
from airflow.models.asset import association_table as consumed_events
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import or_, select

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

RunKey = tuple[str, str]
"""Id of the DAG and of the run."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A DAG run. Its moments are in UTC; a run that no schedule made has no logical date."""

    number: int
    dag_id: str
    run_id: str
    run_type: str
    logical_date: datetime | None
    run_after: datetime


@dataclass(frozen=True, slots=True)
class StoredTask:
    """A task instance; `state` is empty before it is scheduled."""

    dag_id: str
    run_id: str
    task_id: str
    state: str
    start: datetime | None
    end: datetime | None


def tagged_dags(session: Session, tag: str) -> dict[str, bool]:
    """Ids of the DAGs with a tag, and whether they are paused."""
    query = select(DagModel.dag_id, DagModel.is_paused).join(DagTag, DagTag.dag_id == DagModel.dag_id)
    rows = session.execute(query.where(DagTag.name == tag, DagModel.is_stale.is_(False)))
    return {dag_id: bool(is_paused) for dag_id, is_paused in rows}


def stored_tasks(session: Session, dag_ids: Collection[str]) -> Iterator[tuple[str, str, str | None]]:
    """The tasks of DAGs as they were stored last: id of the DAG, id of the task, its `doc_json`."""
    for stored in SerializedDagModel.get_latest_serialized_dags(dag_ids=sorted(dag_ids), session=session):
        for task in (stored.data or {}).get("dag", {}).get("tasks", ()):
            fields: Mapping[str, Any] = task["__var"]
            yield stored.dag_id, fields["task_id"], fields.get("doc_json")


def runs_between(
    session: Session, dag_ids: Collection[str], begin: datetime, end: datetime, most: int
) -> list[StoredRun]:
    """The runs of DAGs that ran at some moment from `begin` to `end`: the newest first, at most so many."""
    query = (
        select(DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun.run_type, DagRun.logical_date, DagRun.run_after)
        .where(DagRun.dag_id.in_(sorted(dag_ids)), DagRun.start_date < end)
        .where(or_(DagRun.end_date.is_(None), DagRun.end_date >= begin))
        .order_by(DagRun.start_date.desc())
        .limit(most)
    )
    return [
        StoredRun(number, dag_id, run_id, run_type, _plain(logical_date), _known(run_after))
        for number, dag_id, run_id, run_type, logical_date, run_after in session.execute(query)
    ]


def tasks_of_runs(session: Session, runs: Collection[RunKey]) -> Iterator[StoredTask]:
    """All task instances of runs."""
    query = select(
        TaskInstance.dag_id,
        TaskInstance.run_id,
        TaskInstance.task_id,
        TaskInstance.state,
        TaskInstance.start_date,
        TaskInstance.end_date,
    ).where(
        TaskInstance.dag_id.in_(sorted({dag_id for dag_id, _ in runs})),
        TaskInstance.run_id.in_(sorted({run_id for _, run_id in runs})),
    )
    for dag_id, run_id, task_id, state, start, end in session.execute(query):
        if (dag_id, run_id) in runs:  # run ids of several DAGs are alike
            yield StoredTask(dag_id, run_id, task_id, str(state or ""), _plain(start), _plain(end))


def started_by(session: Session, runs: Iterable[StoredRun]) -> Iterator[tuple[RunKey, RunKey]]:
    """Run and the run that started it, by an asset."""
    by_number = {run.number: (run.dag_id, run.run_id) for run in runs}
    query = (
        select(consumed_events.c.dag_run_id, AssetEvent.source_dag_id, AssetEvent.source_run_id)
        .join(AssetEvent, AssetEvent.id == consumed_events.c.event_id)
        .where(consumed_events.c.dag_run_id.in_(sorted(by_number)))
    )
    for number, dag_id, run_id in session.execute(query):
        if dag_id and run_id:
            yield by_number[number], (dag_id, run_id)


def _plain(moment: datetime | None) -> datetime | None:
    return None if moment is None else _known(moment)


def _known(moment: datetime) -> datetime:
    """Without pendulum, whose durations are not Python's."""
    return datetime.fromtimestamp(moment.timestamp(), UTC)
