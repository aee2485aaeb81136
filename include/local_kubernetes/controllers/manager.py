"""Runs the controllers: what changed is looked at, what failed is tried again, what is due later waits.

``Manager`` knows no event loop, so that tests run it on a clock of their own; ``Driver`` runs it in the server.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Sequence

from local_kubernetes import clock
from local_kubernetes.errors import ApiError
from local_kubernetes.store import Change, Key, Store

from .controller import Controller

_LOG = logging.getLogger(__name__)
_FIRST_RETRY_SECONDS = 0.05
_MAX_RETRY_SECONDS = 60.0
_BATCH = 100  # between two batches the server answers requests

Item = tuple[Controller, Key]


class Manager:
    """The controllers of a store and what they have to look at.

    :param delay: seconds by which a controller looks at a change late. A real one collects changes of pods for a
        second; here they are looked at at once unless a test or the slow-cluster mode says otherwise.
    """

    def __init__(
        self,
        store: Store,
        controllers: Sequence[Controller],
        delay: Callable[[Controller, Change], float] = lambda *_: 0.0,
    ) -> None:
        self._store = store
        self._controllers = tuple(controllers)
        self._delay = delay
        self._due: dict[Item, float] = {}
        self._order: list[tuple[float, int, Item]] = []
        self._count = 0
        self._failures: dict[Item, int] = {}
        self.on_work: Callable[[], None] = lambda: None
        store.listen(self._changed)

    def look_at_everything(self) -> None:
        """As after a start: every object of every controller."""
        for controller in self._controllers:
            for obj in self._store.objects(controller.resource):
                metadata = obj["metadata"]
                self._add((controller, Key(controller.resource, metadata.get("namespace", ""), metadata["name"])), 0.0)

    def next_due(self) -> float | None:
        """The Unix time of what is due first, or None."""
        while self._order and self._due.get(self._order[0][2]) != self._order[0][0]:
            heapq.heappop(self._order)  # an earlier time was set later on
        return self._order[0][0] if self._order else None

    def run_due(self) -> bool:
        """Look at what is due now; True if it stopped before everything was."""
        for _ in range(_BATCH):
            due = self.next_due()
            if due is None or due > clock.unix():
                return False
            item = heapq.heappop(self._order)[2]
            del self._due[item]
            self._run(item)
        return True

    def _run(self, item: Item) -> None:
        controller, key = item
        try:
            again = controller.reconcile(key)
        except ApiError as err:
            self._retry(item, err)
        except Exception as err:  # one object's trouble must not end the others' controllers
            _LOG.exception("%s %s", type(controller).__name__, key)
            self._retry(item, err)
        else:
            self._failures.pop(item, None)
            if again is not None:
                self._add(item, again)

    def _retry(self, item: Item, err: Exception) -> None:
        failures = self._failures[item] = self._failures.get(item, 0) + 1
        pause = min(_FIRST_RETRY_SECONDS * 2 ** (failures - 1), _MAX_RETRY_SECONDS)
        _LOG.info("%s %s: %s; again in %.2f s", type(item[0]).__name__, item[1], err, pause)
        self._add(item, pause)

    def _changed(self, change: Change) -> None:
        for controller in self._controllers:
            for key in controller.keys_for(change):
                self._add((controller, key), self._delay(controller, change))

    def _add(self, item: Item, seconds: float) -> None:
        at = clock.unix() + seconds
        if self._due.get(item, at + 1) <= at:
            return
        self._due[item] = at
        self._count += 1
        heapq.heappush(self._order, (at, self._count, item))
        self.on_work()


class Driver:
    """Runs a manager in the event loop."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._stopped = False

    def start(self) -> None:
        """Look at everything, and from then on at what changes."""
        self._manager.on_work = self._wake
        self._manager.look_at_everything()
        self._wake()  # what changed before the start waits already, and woke nobody

    def stop(self) -> None:
        """Look at nothing any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _wake(self) -> None:
        if not self._stopped:
            self._set(0.0)

    def _set(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._work) if seconds > 0 else loop.call_soon(self._work)

    def _work(self) -> None:
        self._timer = None
        more = self._manager.run_due()
        due = self._manager.next_due()
        if more or due is not None:
            self._set(0.0 if more or due is None else max(0.0, due - clock.unix()))
