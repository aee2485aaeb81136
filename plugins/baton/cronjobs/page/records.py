"""What Airflow's database knows of the imported CronJobs: their DAGs, as they were stored, and their runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.models.asset import AssetEvent
from airflow.models.asset import association_table as consumed_events
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import or_, select

from baton.cronjobs.page.compare import RunKey
from baton.cronjobs.page.parts import (
    FAILED,
    NOT_RUN,
    RUNNING,
    SKIPPED,
    SUCCESS,
    WAITING,
    ChainJob,
    JobRun,
    Window,
)
from baton.cronjobs.run.note import read_note
from baton.cronjobs.run.tick import tick_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TAG = "cronjob"
"""Every DAG of an imported CronJob has it."""
MOST_RUNS = 2000
"""DAG runs that are looked at, the newest."""
_LOOK_BACK = timedelta(hours=24)
"""Before the window: runs that chains in it began with, and what Jobs typically take."""
_STATES = {
    "failed": FAILED,
    "upstream_failed": NOT_RUN,
    "removed": SKIPPED,
    "skipped": SKIPPED,
    "success": SUCCESS,
    "running": RUNNING,
    "deferred": RUNNING,
    "restarting": RUNNING,
}
_WORST_FIRST = (FAILED, RUNNING, WAITING, NOT_RUN, SKIPPED, SUCCESS)


class Tasks:
    """Which task of which DAG runs which CronJob."""

    def __init__(self, session: Session, readable: set[str]) -> None:
        self.jobs: dict[str, ChainJob] = {}
        self._keys: dict[tuple[str, str], str] = {}
        paused = _dags(session, readable)
        for stored in SerializedDagModel.get_latest_serialized_dags(dag_ids=sorted(paused), session=session):
            self._take(stored.dag_id, stored.data or {}, paused[stored.dag_id])

    def _take(self, dag_id: str, stored: Mapping[str, Any], is_paused: bool) -> None:
        for task in (task["__var"] for task in stored.get("dag", {}).get("tasks", ())):
            note = read_note(task.get("doc_json"))
            if note is None:
                continue
            self._keys[dag_id, task["task_id"]] = note.key
            self.jobs[note.key] = ChainJob(
                note.key, dag_id, note.schedule, note.time_zone, note.after, is_paused=is_paused, chain=note.chain
            )

    @property
    def dag_ids(self) -> set[str]:
        """The DAGs with such tasks."""
        return {job.dag_id for job in self.jobs.values()}

    def key_of(self, task: TaskInstance) -> str | None:
        """Return the key of a task's CronJob, None if it runs none."""
        return self._keys.get((task.dag_id, task.task_id))


def _dags(session: Session, readable: set[str]) -> dict[str, bool]:
    """Ids of the DAGs of CronJobs, and whether they are paused."""
    query = select(DagModel.dag_id, DagModel.is_paused).join(DagTag, DagTag.dag_id == DagModel.dag_id)
    rows = session.execute(query.where(DagTag.name == TAG, DagModel.is_stale.is_(False)))
    return {dag_id: bool(is_paused) for dag_id, is_paused in rows if dag_id in readable}


def read_runs(session: Session, tasks: Tasks, window: Window) -> tuple[list[JobRun], list[tuple[RunKey, RunKey]], bool]:
    """Read the runs in a window and somewhat before.

    :returns: the runs of each CronJob, the DAG runs that others started, and whether there were more than are read.
    """
    runs = {run.id: run for run in _dag_runs(session, tasks.dag_ids, window)}
    found: dict[tuple[str, str, str], list[TaskInstance]] = {}
    by_key = {(run.dag_id, run.run_id): run for run in runs.values()}
    for task in _task_instances(session, by_key):
        key = tasks.key_of(task)
        if key is not None and (task.dag_id, task.run_id) in by_key:
            found.setdefault((task.dag_id, task.run_id, key), []).append(task)
    made = [_job_run(key, by_key[dag_id, run_id], parts) for (dag_id, run_id, key), parts in found.items()]
    return made, list(_started_by(session, runs)), len(runs) == MOST_RUNS


def _dag_runs(session: Session, dag_ids: Iterable[str], window: Window) -> Iterable[DagRun]:
    since = window.begin - _LOOK_BACK
    query = (
        select(DagRun)
        .where(DagRun.dag_id.in_(sorted(dag_ids)), DagRun.start_date < window.end)
        .where(or_(DagRun.end_date.is_(None), DagRun.end_date >= since))
        .order_by(DagRun.start_date.desc())
        .limit(MOST_RUNS)
    )
    return session.scalars(query)


def _task_instances(session: Session, runs: Mapping[RunKey, DagRun]) -> Iterable[TaskInstance]:
    """All tasks of the runs; of more than those where run ids of several DAGs are alike."""
    query = select(TaskInstance).where(
        TaskInstance.dag_id.in_(sorted({dag_id for dag_id, _ in runs})),
        TaskInstance.run_id.in_(sorted({run_id for _, run_id in runs})),
    )
    return session.scalars(query)


def _started_by(session: Session, runs: Mapping[int, DagRun]) -> Iterator[tuple[RunKey, RunKey]]:
    query = (
        select(consumed_events.c.dag_run_id, AssetEvent.source_dag_id, AssetEvent.source_run_id)
        .join(AssetEvent, AssetEvent.id == consumed_events.c.event_id)
        .where(consumed_events.c.dag_run_id.in_(sorted(runs)))
    )
    for dag_run_id, dag_id, run_id in session.execute(query):
        if dag_id and run_id:
            yield (runs[dag_run_id].dag_id, runs[dag_run_id].run_id), (dag_id, run_id)


def _job_run(key: str, run: DagRun, tasks: list[TaskInstance]) -> JobRun:
    states = {_state(task) for task in tasks}
    times = [
        (_plain(task.start_date), _plain(task.end_date) if task.end_date else None)
        for task in tasks
        if task.start_date is not None and task.state != "upstream_failed"
    ]
    ends = [end for _, end in times if end is not None]
    return JobRun(
        key=key,
        dag_id=run.dag_id,
        run_id=run.run_id,
        tick=tick_of(run),
        start=min((start for start, _ in times), default=None),
        end=max(ends) if ends and len(ends) == len(times) else None,
        state=next(state for state in _WORST_FIRST if state in states),
    )


def _state(task: TaskInstance) -> str:
    """One that has begun and waits for a worker again, after its trigger, still runs to whoever looks at it."""
    if task.state in ("scheduled", "queued") and task.start_date is not None and task.end_date is None:
        return RUNNING
    return _STATES.get(str(task.state or ""), WAITING)


def _plain(moment: datetime) -> datetime:
    """Without pendulum, whose durations are not Python's."""
    return datetime.fromtimestamp(moment.timestamp(), UTC)
