"""What a task remembers of the call that it made, so that its next try goes on with it instead of calling again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from baton.functions.stored_reply import is_success, state_key

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

KEY = "function_call"


@dataclass(frozen=True)
class PendingCall:
    """A call that was made, or is about to be.

    :param attempt: counts the calls of this task that have come to an end; part of the call's id.
    :param accepted: whether the gateway is known to have taken it.
    :param location: where its state can be asked for.
    :param deadline: Unix seconds after which it counts as lost.
    """

    attempt: int = 1
    accepted: bool = False
    location: str | None = None
    deadline: float = 0.0

    def call_id(self, key: str) -> str:
        """Return the id under which gateways, logs and callbacks know it."""
        return f"{key}-{self.attempt}"

    def following(self) -> PendingCall:
        """Return the next attempt, after this one has failed or was lost."""
        return PendingCall(attempt=self.attempt + 1)

    def earlier(self) -> list[PendingCall]:
        """Return the calls before this one, the last first."""
        return [PendingCall(attempt=attempt) for attempt in range(self.attempt - 1, 0, -1)]


class CallMemory:
    """The pending call and its answer in Airflow's task state store.

    :param key: the idempotency key of the work.
    """

    def __init__(self, store: TaskStateStoreAccessor, key: str) -> None:
        self._store, self._key = store, key

    def read(self) -> PendingCall | None:
        """Return the call that is pending."""
        stored: Any = self._store.get(KEY)
        return PendingCall(**stored) if stored else None

    def write(self, pending: PendingCall) -> PendingCall:
        """Remember a call."""
        self._store.set(KEY, asdict(pending))
        return pending

    def accept(self, pending: PendingCall, location: str | None, deadline: float) -> PendingCall:
        """Remember that the gateway has taken it."""
        return self.write(replace(pending, accepted=True, location=location, deadline=deadline))

    def keep_answer(self, pending: PendingCall, stored: dict[str, Any]) -> None:
        """Keep an answer that came at once where a posted one would be."""
        self._store.set(state_key(pending.call_id(self._key)), stored)

    def answer(self, pending: PendingCall) -> dict[str, Any] | None:
        """Return the answer that the callback route has stored, see `baton.functions.stored_reply`.

        That is the answer to this call, or the success of an earlier one that counted as lost: it is the same work.
        """
        answer = self._stored(pending)
        if answer is not None and is_success(answer):
            return answer
        earlier = (self._stored(each) for each in pending.earlier())
        return next((stored for stored in earlier if stored is not None and is_success(stored)), answer)

    def _stored(self, pending: PendingCall) -> dict[str, Any] | None:
        stored: Any = self._store.get(state_key(pending.call_id(self._key)))
        return stored if isinstance(stored, dict) else None

    def forget(self, pending: PendingCall) -> None:
        """Forget the call and its answers: the next run of this task makes a new one."""
        self._store.delete(KEY)
        self.drop_answers(pending)

    def drop_answers(self, pending: PendingCall) -> None:
        """Remove what was posted to a call and to those before it."""
        for each in (pending, *pending.earlier()):
            self._store.delete(state_key(each.call_id(self._key)))
