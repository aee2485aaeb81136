"""The queues' shares, kept by Airflow's own scheduler code on its own tables in a real PostgreSQL; only time is played.

Tasks are rows, executors have slots and run nothing: a task ends when its time has passed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from airflow import models, settings
from airflow.executors.base_executor import BaseExecutor
from airflow.executors.executor_utils import ExecutorName
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import create_engine, func, insert, select, update
from sqlalchemy.orm import scoped_session, sessionmaker
from tests.integration.conftest import new_database

from baton.airflow_internals.fair_queues import choose_fairly
from baton.queues import WEIGHTS, Meter

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STOCK = SchedulerJobRunner._executable_task_instances_to_queued
VERSION = uuid4()
TIMES = {"scheduled_dttm": NOW, "queued_dttm": NOW}
DISPATCHES = 1000
AT_ONCE = 16
"""Airflow's `[scheduler] max_tis_per_query`."""
ENOUGH = 120
"""Tasks of a queue that wait at any time: more than there are workers."""


class Slots(BaseExecutor):
    """An executor that has room and runs nothing."""

    def __init__(self, parallelism: int, alias: str) -> None:
        super().__init__(parallelism)
        self.name = ExecutorName(module_path=f"tests.{alias}", alias=alias)
        self.busy: set[Any] = set()
        self.weights: dict[Any, int] = {}

    @property
    def slots_occupied(self) -> int:
        return len(self.busy)

    @property
    def slots_available(self) -> int:
        return self.parallelism - len(self.busy)

    def queue_workload(self, workload: Any, session: Any) -> None:
        self.busy.add(workload.ti.id)
        self.weights[workload.ti.id] = workload.ti.priority_weight


@dataclass
class Site:
    """An Airflow: its scheduler's code, its tables, some workers, and a clock that the test turns.

    :param ends: task → when it ends, in seconds.
    :param log: what was started, in its order: when, which queue.
    """

    workers: int
    runner: SchedulerJobRunner
    executors: list[Slots]
    meter: Meter = field(default_factory=Meter)
    now: float = 0.0
    ends: dict[Any, float] = field(default_factory=dict)
    queue_of: dict[Any, str] = field(default_factory=dict)
    log: list[tuple[float, str]] = field(default_factory=list)
    held: list[tuple[float, Counter[str]]] = field(default_factory=list)
    pools: dict[str, str] = field(default_factory=dict)
    defers: set[str] = field(default_factory=set)
    alternate: bool = False

    def add(self, queue: str, count: int, pool: str = "default_pool", **fields: Any) -> None:
        """More tasks that could start."""
        rows = []
        for number in range(count):
            if self.alternate:
                fields["executor"] = self.executors[number % len(self.executors)].name.alias
            task = {"id": uuid4(), "task_id": str(len(self.queue_of)), "queue": queue, "pool": pool}
            self.queue_of[task["id"]] = queue
            common = {
                "dag_id": "d",
                "run_id": "r",
                "map_index": -1,
                "pool_slots": 1,
                "max_tries": 0,
                "try_number": 1,
                **TIMES,
            }
            rows.append(
                {**common, **task, "dag_version_id": VERSION, "state": "scheduled", "priority_weight": 1, **fields}
            )
        with create_session() as session:
            session.execute(insert(TaskInstance), rows)

    def waiting(self) -> Counter[str]:
        with create_session() as session:
            return Counter(session.scalars(select(TaskInstance.queue).where(TaskInstance.state == "scheduled")))

    def turn(self, length: Callable[[str], float]) -> int:
        """One loop of the scheduler; returns how many were started."""
        with create_session() as session:
            self.runner._critical_section_enqueue_task_instances(session=session)
        started = [task for each in self.executors for task in each.busy if task not in self.ends]
        for task in started:
            queue = self.queue_of[task]
            self.ends[task] = self.now + length(queue)
            self.log.append((self.now, queue))
        self._defer(started)
        self.held.append((self.now, Counter(self.queue_of[task] for task in self.ends)))
        return len(started)

    def _defer(self, started: list[Any]) -> None:
        """Let pods wait without a worker."""
        deferred = {task for task in started if self.pools.get(self.queue_of[task]) in self.defers}
        for each in self.executors:
            each.busy -= deferred
        with create_session() as session:
            session.execute(update(TaskInstance).where(TaskInstance.id.in_(deferred)).values(state="deferred"))

    def pass_time(self) -> None:
        """Until the next task ends."""
        self.now = min(self.ends.values(), default=self.now + 1)
        over = {task for task, end in self.ends.items() if end <= self.now}
        self.ends = {task: end for task, end in self.ends.items() if task not in over}
        for each in self.executors:
            each.busy -= over
        with create_session() as session:
            session.execute(update(TaskInstance).where(TaskInstance.id.in_(over)).values(state="success"))

    def run(
        self, length: Callable[[str], float], backlog: Callable[[str, float], bool], dispatches: int = DISPATCHES
    ) -> None:
        """Until so many tasks were started; queues with a backlog never run dry."""
        while len(self.log) < dispatches:
            there = self.waiting()
            for queue in WEIGHTS:
                if backlog(queue, self.now) and there[queue] < ENOUGH / 2:
                    self.add(queue, ENOUGH, self.pools.get(queue, "default_pool"))
            while self.turn(length) == AT_ONCE:
                pass
            assert self.ends, "nothing runs, and nothing was started"
            self.pass_time()

    def shares(self, since: int = 0) -> dict[str, float]:
        """Queue → percent of what was started."""
        counts = Counter(queue for _, queue in self.log[since:])
        return {queue: 100 * counts[queue] / counts.total() for queue in WEIGHTS}

    def workers_of(self, queue: str, since: float = 0) -> float:
        """How many of the workers that were busy a queue held, over time, in percent."""
        spans = [(after - now, held) for (now, held), (after, _) in pairwise(self.held) if now >= since]
        return 100 * sum(s * held[queue] for s, held in spans) / sum(s * held.total() for s, held in spans)

    def utilisation(self) -> float:
        """How many of the workers were busy over time, in percent."""
        spans = [(after - now, held.total()) for (now, held), (after, _) in pairwise(self.held)]
        return 100 * sum(s * busy for s, busy in spans) / (self.workers * sum(s for s, _ in spans))

    def gaps(self, queue: str) -> list[int]:
        """How many others were started between two of a queue."""
        places = [-1, *(place for place, (_, each) in enumerate(self.log) if each == queue)]
        return [after - before for before, after in pairwise(places)]


@pytest.fixture(scope="module")
def airflow_tables(postgres: Any) -> Iterator[Any]:
    """All of Airflow's tables."""
    with new_database(postgres) as dsn:
        engine = create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
        models.import_all_models()
        DagModel.metadata.create_all(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def site(airflow_tables: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Site]]:
    """Makes a site with so many workers, and pools."""
    monkeypatch.setattr(settings, "Session", scoped_session(sessionmaker(airflow_tables, expire_on_commit=False)))
    monkeypatch.setenv("BATON_FAIR_QUEUES", "false")  # a Job announces itself, and then the setting would install it
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "x" * 64)
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://127.0.0.1:1/execution/")

    def make(workers: int, executors: int = 1, **pools: int) -> Site:
        with create_session() as session:
            for model in (TaskInstance, DagRun, DagVersion, DagModel, DagBundleModel, Pool):
                session.query(model).delete()
        with create_session() as session:
            session.execute(insert(DagBundleModel).values(name="b", active=True))
            for name, slots in {"default_pool": 10_000, **pools}.items():
                session.add(Pool(pool=name, slots=slots, include_deferred=True))
            session.flush()
            session.add(DagModel(dag_id="d", bundle_name="b", is_paused=False))
            session.flush()
            session.execute(update(DagModel).values(max_active_tasks=10_000, has_task_concurrency_limits=False))
            session.execute(insert(DagVersion).values(id=VERSION, dag_id="d", version_number=1, bundle_name="b"))
            session.add(
                DagRun(dag_id="d", run_id="r", run_type="manual", logical_date=NOW, run_after=NOW, state="running")
            )
        slots = [Slots(workers // executors, f"e{number}") for number in range(executors)]
        job = Job()
        job.max_tis_per_query = AT_ONCE
        quiet = logging.getLogger("tests.scheduler")
        quiet.setLevel(logging.ERROR)
        runner = SchedulerJobRunner(job, executors=slots, log=quiet)
        runner._parallelism = workers
        made = Site(workers, runner, slots)

        def choose(own: Any, max_tis: int, session: Any) -> Any:
            return choose_fairly(partial(STOCK, own), made.meter, made.workers, max_tis, session, made.now)

        monkeypatch.setattr(SchedulerJobRunner, "_executable_task_instances_to_queued", choose)
        return made

    yield make
    settings.Session.remove()


def about(seconds: float) -> Callable[[str], float]:
    """Lengths around so many seconds, whole ones, so that several tasks end at once."""
    dice = Random(7)
    return lambda _: seconds + dice.randrange(-1, 2)


@pytest.fixture(params=[250, pytest.param(DISPATCHES, marks=pytest.mark.soak)])
def starts(request: pytest.FixtureRequest) -> int:
    """How many tasks are started: each costs ten milliseconds of the scheduler's own code."""
    return int(request.param)


def points(starts: int) -> float:
    """How near a share has to be to its goal: two percentage points, of few starts four."""
    return 2 if starts == DISPATCHES else 4


@pytest.mark.parametrize("workers", [60, *(pytest.param(few, marks=pytest.mark.soak) for few in (10, 6))])
def test_all_queues_full(site, starts, workers):
    """60 / 30 / 10, and nobody waits ten times its turn."""
    made = site(workers)
    made.run(about(4), lambda queue, now: True, starts)
    assert made.shares() == pytest.approx({"critical": 60, "default": 30, "low": 10}, abs=points(starts))
    assert made.utilisation() > 95
    for queue, weight in WEIGHTS.items():
        turn = sum(WEIGHTS.values()) / weight
        assert max(made.gaps(queue)) < 10 * turn


@pytest.mark.parametrize(
    ("empty", "shares"),
    [
        ("critical", {"critical": 0, "default": 75, "low": 25}),
        pytest.param("low", {"critical": 66.7, "default": 33.3, "low": 0}, marks=pytest.mark.soak),
    ],
)
def test_share_of_an_empty_queue_is_lent(site, starts, empty, shares):
    """By the weights of those who want it."""
    made = site(60)
    made.run(about(4), lambda queue, now: queue != empty, starts)
    assert made.shares() == pytest.approx(shares, abs=points(starts))
    assert made.utilisation() > 95


@pytest.mark.soak
@pytest.mark.parametrize("queue", WEIGHTS)
def test_lone_queue_has_all_workers(site, queue):
    """At least 95 percent of them."""
    made = site(60)
    made.run(about(4), lambda each, now: each == queue)
    assert made.shares()[queue] == 100
    assert made.utilisation() > 95


def test_what_is_lent_comes_back_within_one_task(site, starts):
    """A queue that was idle has its share as soon as the tasks that borrowed it have ended."""
    made, longest, period = site(60), 5, 12
    made.run(about(4), lambda queue, now: queue != "critical" or int(now / period) % 2 == 1, starts + 150)
    assert made.utilisation() > 95
    full = [held for now, held in made.held if int(now / period) % 2 == 1 and now % period > longest]
    assert len(full) > 3
    assert min(held["critical"] for held in full) >= 36


def test_long_tasks_hold_no_more_than_their_share(site, starts):
    """Ten times as long ones in low: it is the workers that are shared, not the starts."""
    made = site(60)
    dice = Random(7)
    made.run(lambda queue: 40 if queue == "low" else dice.randrange(3, 6), lambda queue, now: True, starts)
    workers = {queue: made.workers_of(queue, since=5) for queue in WEIGHTS}
    assert workers == pytest.approx({"critical": 60, "default": 30, "low": 10}, abs=points(starts))


def test_pods_that_wait_deferred_share_their_pool(site):
    """They hold no worker and a slot of the pool, which is what is short."""
    made = site(60, pods=40)
    made.defers.add("pods")
    made.pools = dict.fromkeys(WEIGHTS, "pods")
    made.run(about(4), lambda queue, now: True, dispatches=250)
    assert made.shares() == pytest.approx({"critical": 60, "default": 30, "low": 10}, abs=4)
    assert max(held.total() for _, held in made.held) == 40


@pytest.mark.soak
def test_queue_that_fills_a_pool_leaves_others_their_workers(site):
    """Low wants pods only, the others only workers: each has all that nobody else asks for."""
    made = site(60, pods=40)
    made.defers.add("pods")
    made.pools = {"low": "pods"}
    made.run(about(4), lambda queue, now: True)
    low = [held["low"] for now, held in made.held if now > 10]
    assert sum(low) / len(low) > 36
    rest = made.workers_of("critical") / made.workers_of("default")
    assert rest == pytest.approx(2, abs=0.15)


@pytest.mark.soak
def test_several_executors_have_one_order(site):
    """As with CeleryExecutor and KubernetesExecutor beside each other."""
    made = site(60, executors=2)
    made.alternate = True
    made.run(about(4), lambda queue, now: True)
    assert made.shares() == pytest.approx({"critical": 60, "default": 30, "low": 10}, abs=2)


def test_weights_are_put_back(site):
    """Whoever gave a task a weight of its own finds it, and within a queue it counts."""
    made = site(4)
    made.add("low", 20, priority_weight=5)
    made.add("critical", 10, priority_weight=1)
    made.add("critical", 10, priority_weight=7)
    made.turn(lambda queue: 1)
    weights = {task: weight for each in made.executors for task, weight in each.weights.items()}
    assert {weight for task, weight in weights.items() if made.queue_of[task] == "critical"} == {7}
    with create_session() as session:
        found = session.execute(
            select(TaskInstance.queue, TaskInstance.priority_weight, func.count()).group_by(
                TaskInstance.queue, TaskInstance.priority_weight
            )
        )
        assert {(queue, weight): count for queue, weight, count in found} == {
            ("low", 5): 20, ("critical", 1): 10, ("critical", 7): 10,
        }  # fmt: skip
