"""One batch, one call: synchronous, or accepted by the gateway and answered by a callback."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from baton.functions.batches.items import Batch
from baton.functions.call import (
    ACCEPTED,
    Call,
    Reply,
    UnavailableError,
    UnusableAnswerError,
    check_status,
    result_of,
    too_large,
)
from baton.functions.deadline import LOST_SECONDS, look_until_there
from baton.functions.identity import TaskIdentity
from baton.functions.stored_reply import is_oversize, load_reply, state_key, store_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

    from baton.functions.callback_tokens import Callback
    from baton.functions.protocol import Protocol

ACCEPT_SECONDS = 30.0


@dataclass(frozen=True)
class Callbacks:
    """How answers of asynchronous calls come back to a task.

    :param store: the task's state store, where the callback route leaves them.
    :param address: makes the signed address of a callback; blocks.
    :param limit_bytes: largest answer.
    """

    identity: TaskIdentity
    store: TaskStateStoreAccessor
    address: Callable[[Callback], str]
    limit_bytes: int


class BatchSender:
    """Sends batches.

    :param payload: what each call holds beside its items.
    :param seconds: for one batch's answer.
    :param callbacks: let the gateway accept each call and answer later; None: wait for the response.
    """

    def __init__(
        self, protocol: Protocol, function: str, payload: dict[str, Any], seconds: float, callbacks: Callbacks | None
    ) -> None:
        self._protocol, self._function, self._payload = protocol, function, payload
        self._seconds, self._callbacks = seconds, callbacks

    async def send(self, batch: Batch, key: str) -> Any:
        """Send a batch once and return the function's result.

        :raises UnavailableError: no answer, or "not now".
        :raises RefusedError: it would be refused again.
        """
        body = json.dumps({**self._payload, "items": batch.items, "first_index": batch.first_index}).encode()
        call = Call(self._function, body, key, call_id=key, timeout_seconds=self._seconds)
        if self._callbacks is None:
            return _result_of(call, await self._protocol.send(call))
        return await self._send_asynchronously(call, self._callbacks)

    async def _send_asynchronously(self, call: Call, callbacks: Callbacks) -> Any:
        """An answer that came to an earlier try is taken without another call."""
        stored = await _look(callbacks.store, call.call_id)
        if stored is None:
            stored = await self._submit_and_wait(call, callbacks)
        try:
            return self._result(call, stored)
        except UnavailableError:
            await asyncio.to_thread(forget_answer, callbacks.store, call.call_id)  # else it would be found again
            raise

    def _result(self, call: Call, stored: dict[str, Any]) -> Any:
        if is_oversize(stored):
            raise too_large(call.function, call.call_id, stored["too_large"])
        reply = load_reply(stored)
        check_status(call.function, call.call_id, reply.status)
        return _result_of(call, reply)

    async def _submit_and_wait(self, call: Call, callbacks: Callbacks) -> dict[str, Any]:
        """An answer that comes although the gateway's "accepted" was lost is taken instead of sending again."""
        try:
            reply = await self._submit(call, callbacks)
        except UnavailableError as err:
            if not err.may_have_run:
                raise
            stored = await _await(callbacks.store, call, LOST_SECONDS if err.lost else 0.0)
            if stored is None:
                raise
            return stored
        if reply.status != ACCEPTED:
            return store_reply(reply)
        stored = await _await(callbacks.store, call, self._seconds)
        if stored is None:
            message = f"function {call.function} posted no answer to call {call.call_id} within {self._seconds:g} s"
            raise UnavailableError(message)
        return stored

    async def _submit(self, call: Call, callbacks: Callbacks) -> Reply:
        expires_at = time.time() + 2 * self._seconds
        callback = callbacks.identity.callback(call.call_id, expires_at, callbacks.limit_bytes)
        url = await asyncio.to_thread(callbacks.address, callback)
        return await self._protocol.send(
            replace(call, timeout_seconds=ACCEPT_SECONDS, asynchronous=True, callback_url=url)
        )


def _result_of(call: Call, reply: Reply) -> Any:
    """Decode an answer.

    :raises UnavailableError: it is no JSON: a login page or a proxy's words, or a function's answer that was cut.
    """
    try:
        result = result_of(reply)
    except UnusableAnswerError as err:
        raise UnavailableError(f"{err} (call {call.call_id})") from err
    if isinstance(result, str) and "json" not in reply.content_type:
        words = "something else than the function has answered: it is no JSON"
        raise UnavailableError(f"function {call.function}: {words} (call {call.call_id})")
    return result


async def _await(store: TaskStateStoreAccessor, call: Call, seconds: float) -> dict[str, Any] | None:
    return await look_until_there(lambda: _look(store, call.call_id), seconds)


def forget_answer(store: TaskStateStoreAccessor, call_id: str) -> None:
    """Remove a posted answer. Blocks: the state store is a request to Airflow."""
    store.delete(state_key(call_id))


async def _look(store: TaskStateStoreAccessor, call_id: str) -> dict[str, Any] | None:
    """Return an answer that has come; it stays until its batch is noted as done."""
    stored: Any = await asyncio.to_thread(store.get, state_key(call_id))
    return stored if isinstance(stored, dict) else None
