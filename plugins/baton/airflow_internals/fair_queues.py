"""Airflow's scheduler takes the tasks that wait in the order that `baton.queues` says.

How its scheduler chooses: in its critical section, under a lock, it takes the waiting tasks with the highest
`priority_weight` and hands as many to the executors as these have room for; then, and for as long as there are more,
the next ones. Weights are fixed when a task is made, so a queue with higher ones starves the others, and pools with
fixed slots waste what their own tasks do not use. Here, under the same lock and in the same transaction, the tasks
whose turn it is get the highest weights, Airflow chooses as ever with all of its own limits, and the weights are put
back. No executor sees any of it, so it is the same for all of them.

Switched on with the setting `fair_queues`; without it nothing is changed. Where only one queue has tasks that wait,
nothing is done.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.utils.db import DBLocks
from airflow.utils.sqlalchemy import get_dialect_name
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import case, func, select, update

from baton.queues import WORKERS, Meter, Resource, Waiting, class_of, in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    Choose = Callable[..., list[TaskInstance]]

_ABOVE_ALL = 2_000_000_000
"""Weights of Airflow are at most 2,147,483,647; nobody's own are up here."""
_SPARE = 3
"""So many times more tasks are put in order than can start: some of them a limit of their DAG holds back."""
_HOLDS_WORKER = (TaskInstanceState.QUEUED, TaskInstanceState.RUNNING)


_METER = Meter()
"""Of this scheduler's process. Another scheduler measures the same tasks by itself; one that starts begins anew, and
until it has measured long enough the first rule of `baton.queues` does alone."""


def install() -> None:
    """Let the scheduler of this process keep the shares; called before it starts."""
    workers = conf.getint("core", "parallelism")
    stock = SchedulerJobRunner._executable_task_instances_to_queued

    def choose(self: SchedulerJobRunner, max_tis: int, session: Session) -> list[TaskInstance]:
        return choose_fairly(partial(stock, self), _METER, workers, max_tis, session)

    SchedulerJobRunner._executable_task_instances_to_queued = choose  # type: ignore[method-assign]


def choose_fairly(
    stock: Choose, meter: Meter, workers: int, max_tis: int, session: Session, now: float | None = None
) -> list[TaskInstance]:
    """Choose the tasks to start as Airflow does, those whose turn it is first.

    :param stock: Airflow's own way.
    :param workers: how many tasks can run at the same time.
    :param now: `time.monotonic()`.
    """
    if not _has_lock(session):
        return list(stock(max_tis, session=session))  # which says so, as ever
    pools = Pool.slots_stats(lock_rows=True, session=session)
    resources = _resources(pools, workers, meter, session)
    meter.look(time.monotonic() if now is None else now, {name: each.held for name, each in resources.items()})
    order = _order(resources, max_tis * _SPARE, session)
    ranks = {task_id: _ABOVE_ALL + len(order) - place for place, task_id in enumerate(order)}
    _set_weights(ranks, session)
    chosen = list(stock(max_tis, session=session))
    _set_weights(order, session)
    for task in chosen:  # detached by now: what the executor is told
        task.priority_weight = order.get(task.id, task.priority_weight)
        meter.count(class_of(task.queue or ""), {WORKERS: 1, task.pool: task.pool_slots})
    return chosen


def _has_lock(session: Session) -> bool:
    """Take the locks that Airflow's own way takes as well: whoever has them not must change no weight.

    Why this one first: PostgreSQL writes an error into its log where the rows of the pools are locked.
    """
    if get_dialect_name(session) != "postgresql":
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(DBLocks.SCHEDULER_CRITICAL_SECTION.value))))


def _order(resources: dict[str, Resource], most: int, session: Session) -> dict[Any, int]:
    """Ids and own weights of the tasks whose turn it is, the next one first; empty where only one queue waits."""
    queues = list(session.scalars(_waiting(TaskInstance.queue).distinct()))
    if len({class_of(queue) for queue in queues}) < 2:
        return {}
    tasks, weights = [], {}
    for queue in queues:
        for task_id, pool, slots, weight in session.execute(_line(queue, most)):
            tasks.append(Waiting(task_id, queue, pool, slots))
            weights[task_id] = weight
    return {task.name: weights[task.name] for task in in_turn(tasks, resources, most)}


def _waiting(*columns: Any) -> Any:
    return (
        select(*columns)
        .join(TaskInstance.dag_run)
        .join(TaskInstance.dag_model)
        .where(
            TaskInstance.state == TaskInstanceState.SCHEDULED,
            DagRun.state == DagRunState.RUNNING,
            DagModel.is_paused.is_(False),
        )
    )


def _line(queue: str, most: int) -> Any:
    """The tasks of a queue, in the order in which Airflow would take them."""
    columns = (TaskInstance.id, TaskInstance.pool, TaskInstance.pool_slots, TaskInstance.priority_weight)
    order = (-TaskInstance.priority_weight, DagRun.logical_date, TaskInstance.map_index)
    return _waiting(*columns).where(TaskInstance.queue == queue).order_by(*order).limit(most)


def _resources(pools: Any, workers: int, meter: Meter, session: Session) -> dict[str, Resource]:
    """The workers and the pools, with what each queue holds of them; all schedulers' tasks count."""
    found = {name: Resource(stats["total"], stats["open"], {}, {}) for name, stats in pools.items()}
    found[WORKERS] = Resource(workers, workers)
    for name, resource in found.items():
        resource.served = meter.served.setdefault(name, {})
    counts_deferred = {name: counts for name, counts in session.execute(select(Pool.pool, Pool.include_deferred))}
    for queue, pool, state, tasks, slots in session.execute(_active()):
        name = class_of(queue)
        if state in _HOLDS_WORKER:
            _add(found[WORKERS].held, name, tasks)
        if pool in found and (state in _HOLDS_WORKER or counts_deferred.get(pool)):
            _add(found[pool].held, name, slots)
    return found


def _add(held: dict[str, float], queue: str, amount: float) -> None:
    held[queue] = held.get(queue, 0) + amount


def _active() -> Any:
    by = (TaskInstance.queue, TaskInstance.pool, TaskInstance.state)
    sums = (func.count(), func.sum(TaskInstance.pool_slots))
    states = (*_HOLDS_WORKER, TaskInstanceState.DEFERRED)
    return select(*by, *sums).where(TaskInstance.state.in_(states)).group_by(*by)


def _set_weights(weights: dict[Any, int], session: Session) -> None:
    if not weights:
        return
    session.execute(
        update(TaskInstance)
        .where(TaskInstance.id.in_(weights))
        .values(priority_weight=case(weights, value=TaskInstance.id))
        .execution_options(synchronize_session=False)
    )
