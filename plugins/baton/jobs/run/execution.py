"""Run some steps of a job, one after the other, each as often as it may be tried and no effect twice."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from baton.exceptions import BatonError, PermanentError, TransientError
from baton.jobs.model.job import Job
from baton.jobs.model.steps import ActionStep, CallStep, ForEachStep, QueryStep, SendStep
from baton.jobs.run.call import run_call
from baton.jobs.run.for_each import run_for_each
from baton.jobs.run.memory import SETTLED, State, StepMemory, Store
from baton.jobs.run.opened import Opened
from baton.jobs.run.results import Results
from baton.jobs.run.send import run_send
from baton.jobs.run.sql import run_action, run_query
from baton.jobs.run.turn import EndJob, Turn

log = logging.getLogger(__name__)

RUNNERS: Mapping[type[Any], Callable[[Any, Turn], Any]] = {
    QueryStep: run_query,
    ActionStep: run_action,
    CallStep: run_call,
    SendStep: run_send,
}
NO_DATA = (ActionStep, SendStep, ForEachStep)
"""What these give are numbers, which may stand in Airflow."""
FIRST_WAIT_SECONDS = 0.1
LONGEST_INSIDE_SECONDS = 30.0
"""Longer waits give the worker back: the task is tried again by Airflow."""


class LaterError(TransientError):
    """The step may be tried again, after a wait that is too long to hold a worker.

    :param seconds: how long.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class JobEndedError(Exception):
    """A step has ended the job, well; the message says why."""


@dataclass
class Execution:
    """The steps of one DAG run.

    :param names: what expressions know before the first step.
    :param key: the same for all tries: DAG and run.
    :param seconds: how long all of it may take.
    """

    job: Job
    store: Store
    results: Results
    names: dict[str, Any]
    key: str
    seconds: float
    sleep: Callable[[float], None] = time.sleep
    _began: float = field(default_factory=time.monotonic)
    _opened: Opened = field(default_factory=Opened)

    def run(self, steps: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        """Run steps, by name. What an earlier try has settled is not begun again.

        :returns: name → what its record keeps of its value, of those that have a name for it.
        :raises JobEndedError: the rest is left out.
        :raises LaterError: the task has to be tried again later.
        :raises BatonError: a step failed, and the job with it.
        """
        with closing(self._opened):
            return {name: kept for name, step in steps if (kept := self._step(name, step)) is not None and step.result}

    def _step(self, name: str, step: Any) -> Any:
        """Run one step; returns what is kept of its value."""
        memory = StepMemory(self.store, name)
        if memory.kept is not None and memory.kept.state in SETTLED:
            log.info("Step %s: %s before", name, memory.kept.state)
            if memory.kept.state == State.ENDED_JOB:
                raise JobEndedError(memory.kept.message)
            if step.result:
                self.names[step.result] = self.results.load(memory.kept.value)
            return memory.kept.value
        try:
            self._tried(name, step, memory)
            return memory.kept and memory.kept.value
        except EndJob as end:
            memory.settle(State.ENDED_JOB, message=str(end))
            log.info("Step %s ends the job: %s", name, end)
            raise JobEndedError(str(end)) from end
        except LaterError:
            raise
        except BatonError as err:
            self._react(name, step, memory, err)
            return None

    def _tried(self, name: str, step: Any, memory: StepMemory) -> None:
        while True:
            memory.begin()
            try:
                self._settle(name, step, memory, self._attempt(name, step, memory))
            except TransientError as err:
                self._wait(name, memory, err)
            else:
                return

    def _attempt(self, name: str, step: Any, memory: StepMemory) -> Any:
        left = self.seconds - (time.monotonic() - self._began)
        seconds = min(left, step.timeout.total_seconds()) if step.timeout else left
        turn = Turn(self.names, f"{self.key}/{name}", memory, time.monotonic() + seconds, self._opened)
        if isinstance(step, ForEachStep):
            return run_for_each(step, turn, RUNNERS[type(step.do)], self._tries_here)
        return RUNNERS[type(step)](step, turn)

    @property
    def _tries_here(self) -> int:
        """How often an item is begun at once; where waits are long, the step as a whole waits."""
        return 1 if self.job.retry_delays else self.job.retry.times + 1

    def _settle(self, name: str, step: Any, memory: StepMemory, value: Any) -> None:
        kept = None
        if step.result:
            kept = value if isinstance(step, NO_DATA) else self.results.keep(name, value)
            self.names[step.result] = value
        memory.settle(State.DONE, kept)
        log.info("Step %s is done%s", name, f": {len(value)} items" if isinstance(value, list) else "")

    def _wait(self, name: str, memory: StepMemory, err: TransientError) -> None:
        """Wait until the step may be tried again.

        :raises LaterError: that is too long to wait here.
        :raises TransientError: it was tried often enough.
        """
        failures = memory.fail()
        if failures > self.job.retry.times:
            raise err
        seconds = wait_seconds(self.job, failures)
        log.warning("Step %s: %s. Tried again in %g s (%d of %d)", name, err, seconds, failures, self.job.retry.times)
        if seconds > LONGEST_INSIDE_SECONDS:
            raise LaterError(f"step {name}: {err}", seconds) from err
        self.sleep(seconds)

    def _react(self, name: str, step: Any, memory: StepMemory, err: BatonError) -> None:
        reaction = step.on_fail
        words = f"{reaction.message}: {err}" if reaction.message else str(err)
        if reaction.kind == "abort":
            memory.settle(State.FAILED, message=words)
            raise PermanentError(f"step {name}: {words}") from err
        log.warning("Step %s failed (%s): %s", name, reaction.kind, words)
        if reaction.kind == "skip":
            memory.settle(State.ENDED_JOB, message=words)
            raise JobEndedError(words) from err
        memory.settle(State.PASSED_OVER, message=words)
        if step.result:
            self.names[step.result] = None


def wait_seconds(job: Job, failures: int) -> float:
    """How long to wait after so many failures of a step."""
    if job.retry_delays:
        return job.retry_delays[failures - 1].total_seconds()
    return FIRST_WAIT_SECONDS * 2 ** (failures - 1) if job.retry.backs_off else 0.0
