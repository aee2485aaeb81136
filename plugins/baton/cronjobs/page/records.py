"""What Airflow's database knows of the imported CronJobs: their DAGs, as they were stored, and their runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from baton.airflow_internals.stored_dags import (
    StoredRun,
    StoredTask,
    runs_between,
    started_by,
    stored_tasks,
    tagged_dags,
    tasks_of_runs,
)
from baton.cronjobs.page.compare import RunKey
from baton.cronjobs.page.model import (
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
MAX_RUNS = 2000
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
        paused = {dag_id: is_paused for dag_id, is_paused in tagged_dags(session, TAG).items() if dag_id in readable}
        for dag_id, task_id, doc_json in stored_tasks(session, paused):
            if (note := read_note(doc_json)) is not None:
                self._keys[dag_id, task_id] = note.key
                self.jobs[note.key] = ChainJob(
                    note.key,
                    dag_id,
                    note.schedule,
                    note.time_zone,
                    note.after,
                    is_paused=paused[dag_id],
                    chain=note.chain,
                )

    @property
    def dag_ids(self) -> set[str]:
        """The DAGs with such tasks."""
        return {job.dag_id for job in self.jobs.values()}

    def key_of(self, task: StoredTask) -> str | None:
        """Return the key of a task's CronJob, None if it runs none."""
        return self._keys.get((task.dag_id, task.task_id))


def read_runs(session: Session, tasks: Tasks, window: Window) -> tuple[list[JobRun], list[tuple[RunKey, RunKey]], bool]:
    """Read the runs in a window and somewhat before.

    :returns: the runs of each CronJob, the DAG runs that others started, and whether there were more than are read.
    """
    runs = runs_between(session, tasks.dag_ids, window.begin - _LOOK_BACK, window.end, MAX_RUNS)
    by_key = {(run.dag_id, run.run_id): run for run in runs}
    found: dict[tuple[str, str, str], list[StoredTask]] = {}
    for task in tasks_of_runs(session, by_key):
        if (key := tasks.key_of(task)) is not None:
            found.setdefault((task.dag_id, task.run_id, key), []).append(task)
    made = [_job_run(key, by_key[dag_id, run_id], parts) for (dag_id, run_id, key), parts in found.items()]
    return made, list(started_by(session, runs)), len(runs) == MAX_RUNS


def _job_run(key: str, run: StoredRun, tasks: list[StoredTask]) -> JobRun:
    states = {_state(task) for task in tasks}
    times = [(task.start, task.end) for task in tasks if task.start is not None and task.state != "upstream_failed"]
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


def _state(task: StoredTask) -> str:
    """One that has begun and waits for a worker again, after its trigger, still runs to whoever looks at it."""
    if task.state in ("scheduled", "queued") and task.start is not None and task.end is None:
        return RUNNING
    return _STATES.get(task.state, WAITING)
