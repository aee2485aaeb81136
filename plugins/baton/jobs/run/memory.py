"""What an execution remembers of its steps, in Airflow's task state store, so that a killed worker repeats no effect.

One record for each step, under the key ``step.NAME``, written by the worker through Airflow's execution API: no worker
needs the database, whichever executor runs it. It outlives tries and clearing, and is kept for as long as
`[state_store] default_retention_days` says. Pages and the API read the same records.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol, Self

PREFIX = "step."


class State(StrEnum):
    """How a step stands."""

    RUNNING = "running"
    DONE = "done"
    ENDED_JOB = "ended_job"
    """It ended the job well: nothing to do, or it failed with `on_fail: skip`."""
    PASSED_OVER = "passed_over"
    """It failed, and the job goes on."""
    FAILED = "failed"


SETTLED = (State.DONE, State.ENDED_JOB, State.PASSED_OVER)
"""What a later try does not begin again."""


@dataclass(frozen=True)
class StepRecord:
    """One step of one execution.

    :param attempts: how often it was begun, over all tries of the task.
    :param failures: how many of them failed with an error that may pass.
    :param value: what it gave, or a reference to it; see `baton.jobs.run.results`.
    :param effect: what has to be known before it may be begun again; None while nothing outside was touched.
    :param message: why it stands as it does.
    """

    state: State
    attempts: int = 1
    failures: int = 0
    started_at: str = ""
    ended_at: str = ""
    value: Any = None
    effect: Mapping[str, Any] | None = None
    message: str = ""

    def stored(self) -> dict[str, Any]:
        """As JSON; what is empty is left out."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value not in (None, "")}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `stored` gave."""
        known = {each.name for each in dataclasses.fields(cls)}
        given = {key: value for key, value in stored.items() if key in known}
        return cls(**{**given, "state": State(given["state"])})


class Store(Protocol):
    """Airflow's task state store, as far as it is used."""

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or the default."""

    def set(self, key: str, value: Any) -> None:
        """Store a value; it is there when this returns."""


@dataclass
class StepMemory:
    """The record of one step.

    :param kept: what stands in the store.
    """

    store: Store
    name: str
    kept: StepRecord | None = field(init=False)

    def __post_init__(self) -> None:
        found = self.store.get(PREFIX + self.name)
        self.kept = StepRecord.of(found) if found else None

    @property
    def effect(self) -> Mapping[str, Any] | None:
        """What an earlier attempt noted before it changed something."""
        return self.kept.effect if self.kept else None

    def begin(self) -> None:
        """Note that an attempt begins."""
        if self.kept is None:
            self._keep(StepRecord(State.RUNNING, started_at=now()))
        elif self.kept.state == State.FAILED:  # somebody has cleared the task: it is tried as often as at first
            self._keep(StepRecord(State.RUNNING, self.kept.attempts + 1, started_at=now(), effect=self.effect))
        else:
            self._keep(dataclasses.replace(self.kept, attempts=self.kept.attempts + 1))

    def fail(self) -> int:
        """Note that the attempt failed, and may be made again; returns how many have."""
        self._keep(dataclasses.replace(self._known(), failures=self._known().failures + 1))
        return self._known().failures

    def note(self, effect: Mapping[str, Any] | None) -> None:
        """Note what is about to be changed; when this returns, a killed process has left it for the next."""
        if self.kept is None:
            self.begin()
        self._keep(dataclasses.replace(self._known(), effect=effect))

    def settle(self, state: State, value: Any = None, message: str = "") -> None:
        """Note how it ended."""
        self._keep(dataclasses.replace(self._known(), state=state, value=value, message=message[:500], ended_at=now()))

    def _known(self) -> StepRecord:
        return self.kept or StepRecord(State.RUNNING, started_at=now())

    def _keep(self, record: StepRecord) -> None:
        self.store.set(PREFIX + self.name, record.stored())
        self.kept = record


def now() -> str:
    """This moment, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
