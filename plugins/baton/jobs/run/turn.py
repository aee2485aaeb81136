"""What a step is given for one attempt, and how it may end other than with a value."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from baton.exceptions import PermanentError, TransientError
from baton.jobs.expressions import evaluated, value_of
from baton.jobs.run.opened import Opened

_NAMESPACE = uuid.UUID("6261746f-6e00-5000-8000-6a6f62737465")
"""Of the idempotency keys of steps."""


class Remembers(Protocol):
    """What a step, or an item of one, must know before it is begun again."""

    @property
    def effect(self) -> Mapping[str, Any] | None:
        """What an earlier attempt noted before it changed something."""

    def note(self, effect: Mapping[str, Any] | None) -> None:
        """Note what is about to be changed; when this returns, a killed process has left it for the next."""


class EndJob(Exception):
    """The step ends the job, well."""


class StepInDoubtError(PermanentError):
    """An earlier attempt may have done what the step does, and it may not be done twice."""


class StepTimeoutError(TransientError):
    """The step took longer than its timeout."""


@dataclass(frozen=True)
class Turn:
    """One attempt of one step.

    :param names: what expressions know.
    :param key: names this step of this execution, the same for all attempts.
    :param opened: connections, which all steps of the task share.
    :param ends_at: `time.monotonic()` at which the attempt has to be over.
    """

    names: Mapping[str, Any]
    key: str
    memory: Remembers
    ends_at: float
    opened: Opened

    def value(self, value: Any) -> Any:
        """A value with its expressions evaluated."""
        return evaluated(value, self.names)

    def expression(self, expression: str) -> Any:
        """The value of an expression without braces."""
        return value_of(expression, self.names)

    @property
    def seconds_left(self) -> float:
        """Until the attempt has to be over; never less than a hundredth."""
        return max(self.ends_at - time.monotonic(), 0.01)

    def check_time(self) -> None:
        """Whether the attempt may go on; asked where a step waits for more of something.

        Why no signal of the process, as Airflow's own limit of a task: it could come in the middle of a request to
        Airflow, and leave half an answer for the next one.

        :raises StepTimeoutError: its time is over.
        """
        if time.monotonic() > self.ends_at:
            raise StepTimeoutError("it took longer than its timeout")

    @property
    def idempotency_key(self) -> str:
        """The key by which another system knows that this is the same request."""
        return str(uuid.uuid5(_NAMESPACE, self.key))
