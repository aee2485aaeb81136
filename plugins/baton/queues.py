"""The three queues, and who is next: every task of Airflow belongs to one, by its field `queue`.

Each queue has a share of the workers, and of every pool. Two rules give it, and lend what nobody asks for:

1. Nobody takes more than its share, rounded up, while others wait. What was lent comes back as its tasks end.
2. Of those who may, the one is next that was served least in the last hour, measured by its weight. So a share of 0.6
   of a worker is a worker for 36 minutes of an hour: `low` waits its turn, and never for ever.

`baton.airflow_internals.fair_queues` brings Airflow's scheduler to ask this module. It knows no Airflow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MEMORY_SECONDS = 3600.0
"""After so long, what a queue was served counts about a third."""
WORKERS = ""
"""The resource that all tasks need; all others are pools, by their names."""


class Queue(StrEnum):
    """The queues."""

    CRITICAL = "critical"
    DEFAULT = "default"
    LOW = "low"


WEIGHTS: Mapping[str, int] = {Queue.CRITICAL: 6, Queue.DEFAULT: 3, Queue.LOW: 1}
"""Six, three and one of each ten workers."""


def class_of(queue: str) -> str:
    """The queue whose share a task uses: its own, or `default` for queues that are not ours."""
    return queue if queue in WEIGHTS else Queue.DEFAULT


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that could start.

    :param name: whatever the caller knows it by.
    :param slots: of its pool.
    """

    name: object
    queue: str
    pool: str
    slots: int = 1


@dataclass
class Resource:
    """The workers, or the slots of a pool.

    :param capacity: how many there are.
    :param open: how many are free.
    :param held: queue → how many its tasks hold.
    :param served: queue → how many seconds of one it has had lately.
    """

    capacity: float
    open: float
    held: dict[str, float] = field(default_factory=dict)
    served: Mapping[str, float] = field(default_factory=dict)

    def is_within_share(self, queue: str, slots: int, waiting: set[str]) -> bool:
        """Whether the queue keeps to its share if it takes some more.

        :param waiting: the queues that want some of it; what those have that want no more is not divided.
        """
        divided = self.capacity - sum(held for name, held in self.held.items() if name not in waiting)
        share = divided * WEIGHTS[queue] / sum(WEIGHTS[name] for name in waiting)
        held = self.held.get(queue, 0)
        return held + slots <= math.ceil(share) or held == 0

    def use(self, queue: str) -> float:
        """How much of it the queue has had lately, by its weight."""
        return self.served.get(queue, 0.0) / self.capacity / WEIGHTS[queue] if self.capacity > 0 else 0.0

    def take(self, queue: str, slots: int) -> None:
        """Count some as held."""
        self.held[queue] = self.held.get(queue, 0) + slots
        self.open -= slots


@dataclass
class Meter:
    """What each queue was served, older seconds counting less. Whoever looks often enough measures well enough.

    :param served: resource → queue → seconds.
    """

    served: dict[str, dict[str, float]] = field(default_factory=dict)
    _at: float | None = None
    _held: dict[str, dict[str, float]] = field(default_factory=dict)

    def look(self, now: float, held: dict[str, dict[str, float]]) -> None:
        """Count what was held since the last look.

        :param now: seconds of a clock that does not go back.
        :param held: resource → queue → how many are held now.
        """
        if self._at is not None:
            passed = max(now - self._at, 0.0)
            fade = math.exp(-passed / MEMORY_SECONDS)
            for queues in self.served.values():
                for queue in queues:
                    queues[queue] *= fade
            for resource, by_queue in self._held.items():
                queues = self.served.setdefault(resource, {})
                for queue, count in by_queue.items():
                    queues[queue] = queues.get(queue, 0.0) + count * passed
        self._at, self._held = now, {resource: dict(by_queue) for resource, by_queue in held.items()}

    def count(self, queue: str, amounts: Mapping[str, int]) -> None:
        """Count what a task takes from now on.

        :param amounts: resource → how many.
        """
        for resource, amount in amounts.items():
            by_queue = self._held.setdefault(resource, {})
            by_queue[queue] = by_queue.get(queue, 0) + amount


def in_turn(waiting: Iterable[Waiting], resources: Mapping[str, Resource], most: int) -> list[Waiting]:
    """The tasks that start next, in their order.

    :param waiting: in the order in which each queue wants its own.
    :param resources: the workers and the pools; they are counted on.
    :param most: of how many the order is wanted.
    """
    lines: dict[str, list[Waiting]] = {}
    for task in waiting:
        lines.setdefault(class_of(task.queue), []).append(task)
    order: list[Waiting] = []
    while len(order) < most:
        heads = [head for queue, line in lines.items() if (head := _head(queue, line, lines, resources)) is not None]
        if not heads:
            break
        _, queue, task = min(heads, key=lambda head: (head[0], -WEIGHTS[head[1]]))
        lines[queue].remove(task)
        for resource, slots in ((resources[WORKERS], 1), (resources[task.pool], task.slots)):
            resource.take(queue, slots)
        order.append(task)
    return order


_Key = tuple[bool, float, float]


def _head(
    queue: str, line: list[Waiting], lines: Mapping[str, list[Waiting]], resources: Mapping[str, Resource]
) -> tuple[_Key, str, Waiting] | None:
    """The next task of a queue whose pool has room, and how early its turn is; one within the shares before others."""
    lent = None
    for task in line:
        pool = resources.get(task.pool)
        if pool is None or pool.open < task.slots:
            continue
        key = _key(queue, task, lines, resources)
        if not key[0]:
            return key, queue, task
        lent = lent or (key, queue, task)
    return lent


def _key(queue: str, task: Waiting, lines: Mapping[str, list[Waiting]], resources: Mapping[str, Resource]) -> _Key:
    """Within its shares first, then who was served least, then who holds least: of workers or pool, what it uses most.

    Why the larger of the two: pods hold few workers and many slots of their pool, other tasks the other way round; each
    queue has its share of whatever is short (dominant resource fairness, Ghodsi et al. 2011). A pool that no other
    queue waits for is not short.
    """
    in_pool = {name for name, line in lines.items() if any(each.pool == task.pool for each in line)}
    waiting = {name for name, line in lines.items() if line}
    wanted = [(resources[WORKERS], 1, waiting)]
    if len(in_pool) > 1:
        wanted.append((resources[task.pool], task.slots, in_pool))
    within = all(resource.is_within_share(queue, slots, names) for resource, slots, names in wanted)
    held = max((resource.held.get(queue, 0) + slots) / resource.capacity for resource, slots, _ in wanted)
    return not within, max(resource.use(queue) for resource, _, _ in wanted), held / WEIGHTS[queue]
