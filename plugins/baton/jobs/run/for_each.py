"""`for_each`: a step for each item, some at the same time, each once also after a kill."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from baton.exceptions import BatonError, PermanentError, TransientError
from baton.jobs.model.steps import ForEachStep
from baton.jobs.run.turn import Remembers, Turn

log = logging.getLogger(__name__)

MAX_ITEMS = 100_000
Runner = Callable[[Any, Turn], Any]


def run_for_each(step: ForEachStep, turn: Turn, run: Runner, tries: int) -> dict[str, int]:
    """Do the step for each item that is not done yet; returns `{"items": …, "failed": …}`.

    :param run: runs the step within.
    :param tries: how often an item is begun, when errors pass.
    :raises PermanentError: an item failed for good, and the step says `abort`; those that had begun came to their end.
    :raises TransientError: some failed with an error that may pass; the next attempt does those alone.
    """
    items = turn.expression(step.for_each)
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise PermanentError(f"{step.for_each!r} is no list of at most {MAX_ITEMS:,} items")
    memory = ItemsMemory(turn.memory, items)
    work = _Work(step, turn, run, tries, memory)
    with ThreadPoolExecutor(step.parallel, "for_each") as pool:
        left = [number for number in range(len(items)) if not memory.is_done(number)]
        list(pool.map(work.do, left, [items[number] for number in left]))
    work.check()
    return {"items": len(items), "failed": len(memory.failed)}


@dataclass
class _Work:
    """The items of one attempt, for threads that take one after the other."""

    step: ForEachStep
    turn: Turn
    run: Runner
    tries: int
    memory: ItemsMemory
    permanent: list[BatonError] = field(default_factory=list)
    passing: list[BatonError] = field(default_factory=list)

    def do(self, number: int, item: Any) -> None:
        """One item, unless another one has ended the step."""
        if self.permanent or self.turn.seconds_left <= 0.01:
            return
        try:
            self._tried(number, item)
        except TransientError as err:
            self.passing.append(err)
        except BatonError as err:
            if self.step.do.on_fail.kind == "abort":
                self.permanent.append(err)
            else:
                log.warning("Item %d of %s failed: %s", number + 1, self.step.for_each, err)
                self.memory.end(number, failed=True)

    def _tried(self, number: int, item: Any) -> None:
        names = {**self.turn.names, "item": item}
        key = f"{self.turn.key}/{number}"
        for attempt in range(1, self.tries + 1):
            seconds = self.step.do.timeout.total_seconds() if self.step.do.timeout else self.turn.seconds_left
            ends_at = min(self.turn.ends_at, time.monotonic() + seconds)
            try:
                self.run(self.step.do, Turn(names, key, self.memory.of(number), ends_at, self.turn.opened))
            except TransientError:
                if attempt == self.tries:
                    raise
            else:
                self.memory.end(number)
                return

    def check(self) -> None:
        """Raise what ends the step, or what may be tried again."""
        if self.permanent:
            raise PermanentError(f"an item failed: {self.permanent[0]}") from self.permanent[0]
        if self.passing:
            raise TransientError(f"{len(self.passing)} items failed, the first: {self.passing[0]}") from self.passing[0]
        if self.memory.left:
            raise TransientError(f"{self.memory.left} items were not begun in time")


class ItemsMemory:
    """Which items are done, and what those that have begun must know, in the one record of the step.

    Why many notes in one write: each is a request to Airflow. Who notes something waits until a write that began later
    has ended, and one write takes the notes of all who wait.

    :raises PermanentError: an earlier attempt had other items.
    """

    def __init__(self, memory: Remembers, items: list[Any]) -> None:
        self._memory, self._count = memory, len(items)
        earlier = memory.effect or {}
        self._digest = hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()
        if earlier and earlier["items"] != self._digest:
            raise PermanentError("the items are not those of the earlier attempt: run the job anew")
        self.done = _numbers(earlier.get("done", "0"))
        self.failed = _numbers(earlier.get("failed", "0"))
        self._begun: dict[str, Mapping[str, Any]] = dict(earlier.get("begun", {}))
        self._changes, self._written = 0, 0
        self._lock, self._writing = threading.Lock(), threading.Lock()

    def is_done(self, number: int) -> bool:
        """Whether the item has come to its end."""
        return number in self.done

    @property
    def left(self) -> int:
        """How many have not."""
        return self._count - len(self.done)

    def of(self, number: int) -> ItemMemory:
        """What one item remembers."""
        return ItemMemory(self, str(number))

    def effect(self, name: str) -> Mapping[str, Any] | None:
        """What an item noted before it changed something."""
        return self._begun.get(name)

    def note(self, name: str, effect: Mapping[str, Any] | None) -> None:
        """Note it; when this returns it is stored."""
        with self._lock:
            if effect is None:
                self._begun.pop(name, None)
            else:
                self._begun[name] = effect
        self._store()

    def end(self, number: int, *, failed: bool = False) -> None:
        """Note that an item has come to its end."""
        with self._lock:
            self.done.add(number)
            if failed:
                self.failed.add(number)
            self._begun.pop(str(number), None)
        self._store()

    def _store(self) -> None:
        with self._lock:
            self._changes += 1
            mine = self._changes
        with self._writing:
            if self._written >= mine:
                return
            with self._lock:
                until = self._changes
                record = {
                    "items": self._digest,
                    "done": _bits(self.done),
                    "failed": _bits(self.failed),
                    "begun": dict(self._begun),
                }
            self._memory.note(record)
            self._written = until


@dataclass(frozen=True)
class ItemMemory:
    """The part of a step's memory that one item uses, as `StepMemory` is that of a step."""

    items: ItemsMemory
    name: str

    @property
    def effect(self) -> Mapping[str, Any] | None:
        """What an earlier attempt noted."""
        return self.items.effect(self.name)

    def note(self, effect: Mapping[str, Any] | None) -> None:
        """Note what is about to be changed."""
        self.items.note(self.name, effect)


def _bits(numbers: set[int]) -> str:
    """A set of numbers in one eighth of a byte each, as a hexadecimal number."""
    return f"{sum(1 << number for number in numbers):x}"


def _numbers(text: str) -> set[int]:
    bits = int(text, 16)
    return {number for number in range(bits.bit_length()) if bits >> number & 1}
