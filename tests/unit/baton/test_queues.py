"""Who is next: shares in each situation and with any number of workers, by a simulation of nothing but this module.

The same on Airflow's own scheduler: tests/integration/jobs/test_shares.py.
"""

import heapq
from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.queues import WEIGHTS, WORKERS, Meter, Resource, Waiting, class_of, in_turn

SHARES = {"critical": 60, "default": 30, "low": 10}
STARTS = 1000


class Simulation:
    """Workers that are always asked for by the queues with a backlog."""

    def __init__(self, workers, length, backlog):
        self.workers, self.length, self.backlog = workers, length, backlog
        self.meter, self.now, self.running = Meter(), 0.0, []
        self.starts, self.time = [], Counter()

    def run(self, starts=STARTS):
        while len(self.starts) < starts:
            self.turn()
            before = self.now
            self.now = self.running[0][0] if self.running else self.now + 1
            for _, queue in self.running:
                self.time[queue] += self.now - before
            while self.running and self.running[0][0] <= self.now:
                heapq.heappop(self.running)
        return self

    def turn(self):
        held = Counter(queue for _, queue in self.running)
        self.meter.look(self.now, {WORKERS: dict(held)})
        free = self.workers - len(self.running)
        served = self.meter.served.get(WORKERS, {})
        resources = {WORKERS: Resource(self.workers, free, dict(held), served), "p": Resource(10**9, 10**9)}
        waiting = [
            Waiting(number, queue, "p") for queue in WEIGHTS if self.backlog(queue, self.now) for number in range(free)
        ]
        for task in in_turn(waiting, resources, free):
            heapq.heappush(self.running, (self.now + self.length(task.queue), task.queue))
            self.starts.append(task.queue)
            self.meter.count(task.queue, {WORKERS: 1})

    def started(self):
        """Queue → percent of the starts."""
        return {queue: 100 * count / len(self.starts) for queue, count in Counter(self.starts).items()}

    def worked(self):
        """Queue → percent of the workers' time."""
        return {queue: 100 * seconds / self.time.total() for queue, seconds in self.time.items()}


def about_a_second():
    dice = Random(7)
    return lambda _: dice.uniform(0.5, 1.5)


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 6, 7, 10, 16, 32])
def test_all_full(workers):
    """Also where a share is less than one worker."""
    done = Simulation(workers, about_a_second(), lambda queue, now: True).run()
    assert done.started() == pytest.approx(SHARES, abs=2)
    assert done.worked() == pytest.approx(SHARES, abs=2)
    gaps = [index for index, queue in enumerate(done.starts) if queue == "low"]
    assert max(after - before for before, after in pairwise(gaps)) < 100


@pytest.mark.parametrize("workers", [6, 10, 16])
@pytest.mark.parametrize(
    ("empty", "shares"), [("critical", {"default": 75, "low": 25}), ("low", {"critical": 66.7, "default": 33.3})]
)
def test_one_empty(workers, empty, shares):
    """Its share goes to the others."""
    done = Simulation(workers, about_a_second(), lambda queue, now: queue != empty).run()
    assert done.started() == pytest.approx(shares, abs=2)


@pytest.mark.parametrize("workers", [6, 10, 16])
def test_long_tasks(workers):
    """It is their time that is shared."""
    length = about_a_second()
    done = Simulation(workers, lambda queue: 20 if queue == "low" else length(queue), lambda queue, now: True)
    assert done.run(3000).worked() == pytest.approx(SHARES, abs=2)


@pytest.mark.parametrize("workers", [6, 10, 16])
def test_bursts(workers):
    """While it asks, a queue has its share; while it does not, the others have all."""
    done = Simulation(workers, about_a_second(), lambda queue, now: queue != "critical" or int(now / 10) % 2 == 0)
    assert done.run().worked() == pytest.approx({"critical": 33, "default": 50, "low": 17}, abs=4)


TASKS = st.lists(
    st.builds(
        Waiting,
        name=st.integers(),
        queue=st.sampled_from([*WEIGHTS, "gpu"]),
        pool=st.sampled_from(["p", "q", "none"]),
        slots=st.integers(1, 3),
    ),
    max_size=30,
)


@given(tasks=TASKS, workers=st.integers(1, 40), open_slots=st.integers(0, 9), most=st.integers(0, 40))
def test_order_keeps_to_the_pools(tasks, workers, open_slots, most):
    """Nothing starts without room, nobody is left out while there is some, and each queue keeps its own order."""
    resources = {WORKERS: Resource(workers, workers), "p": Resource(10, open_slots), "q": Resource(10, 10)}
    order = in_turn(tasks, resources, most)
    assert len(order) <= most
    taken = Counter()
    for task in order:
        taken[task.pool] += task.slots
    assert taken["p"] <= open_slots
    assert taken["q"] <= 10
    assert "none" not in taken
    left = [task for task in tasks if not any(task is each for each in order)]
    if len(order) < most:
        assert all(
            task.pool == "none" or task.slots > {"p": open_slots, "q": 10}[task.pool] - taken[task.pool]
            for task in left
        )
    for queue in WEIGHTS:
        for pool in ("p", "q"):
            mine = [task for task in order if (class_of(task.queue), task.pool, task.slots) == (queue, pool, 1)]
            places = [next(place for place, each in enumerate(tasks) if each is task) for task in mine]
            assert places == sorted(places)
