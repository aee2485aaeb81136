"""One batch, one call: synchronous, or accepted by the gateway and answered by a callback."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from baton.functions.batches.items import Batch
from baton.functions.call import ACCEPTED, Call, Reply, UnavailableError, check_status, result_of, too_large
from baton.functions.identity import TaskIdentity
from baton.functions.stored_reply import is_oversize, load_reply, state_key, store_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

    from baton.functions.callback_tokens import Callback
    from baton.functions.protocol import Protocol

ACCEPT_SECONDS = 30.0
FIRST_LOOK_SECONDS, SLOWEST_LOOK_SECONDS = 0.2, 2.0


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
            return result_of(await self._protocol.send(call))
        return await self._send_asynchronously(call, self._callbacks)

    async def _send_asynchronously(self, call: Call, callbacks: Callbacks) -> Any:
        """An answer that came to an earlier try is taken without another call."""
        stored = await _take(callbacks.store, call.call_id)
        if stored is None:
            reply = await self._submit(call, callbacks)
            stored = await self._await(callbacks.store, call) if reply.status == ACCEPTED else store_reply(reply)
        if is_oversize(stored):
            raise too_large(call.function, call.call_id, stored["too_large"])
        reply = load_reply(stored)
        check_status(call.function, call.call_id, reply.status)
        return result_of(reply)

    async def _submit(self, call: Call, callbacks: Callbacks) -> Reply:
        expires_at = time.time() + 2 * self._seconds
        callback = callbacks.identity.callback(call.call_id, expires_at, callbacks.limit_bytes)
        url = await asyncio.to_thread(callbacks.address, callback)
        return await self._protocol.send(
            replace(call, timeout_seconds=ACCEPT_SECONDS, asynchronous=True, callback_url=url)
        )

    async def _await(self, store: TaskStateStoreAccessor, call: Call) -> dict[str, Any]:
        deadline, pause = time.monotonic() + self._seconds, FIRST_LOOK_SECONDS
        while (stored := await _take(store, call.call_id)) is None:
            if time.monotonic() > deadline:
                raise UnavailableError(f"function {call.function} posted no answer to call {call.call_id} in time")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, SLOWEST_LOOK_SECONDS)
        return stored


async def _take(store: TaskStateStoreAccessor, call_id: str) -> dict[str, Any] | None:
    """Return an answer that has come, and remove it. In a thread: the state store is a request to Airflow."""
    stored: Any = await asyncio.to_thread(store.get, state_key(call_id))
    if stored is not None:
        await asyncio.to_thread(store.delete, state_key(call_id))
    return stored if isinstance(stored, dict) else None
