"""One batch, one call: synchronous, or accepted by the gateway and answered by a callback."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from baton.functions.batches.items import Batch
from baton.functions.call import Call, UnavailableError, check_status, result_of, too_large
from baton.functions.identity import TaskIdentity
from baton.functions.stored_reply import is_oversize, load_reply, state_key

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

    from baton.hooks.function import FunctionHook

ACCEPT_SECONDS = 30.0
FIRST_LOOK_SECONDS, SLOWEST_LOOK_SECONDS = 0.2, 2.0


class BatchSender:
    """Sends batches through a hook.

    :param payload: what each call holds beside its items.
    :param seconds: for one batch's answer.
    :param store: the task's state store, where callbacks leave their answers; None: wait for the response instead.
    """

    def __init__(
        self,
        hook: FunctionHook,
        function: str,
        payload: dict[str, Any],
        identity: TaskIdentity,
        seconds: float,
        store: TaskStateStoreAccessor | None,
    ) -> None:
        self._hook, self._function, self._payload = hook, function, payload
        self._identity, self._seconds, self._store = identity, seconds, store

    async def send(self, batch: Batch, key: str) -> Any:
        """Send a batch once and return the function's result.

        :raises UnavailableError: no answer, or "not now".
        :raises RefusedError: it would be refused again.
        """
        body = json.dumps({**self._payload, "items": batch.items, "first_index": batch.first_index}).encode()
        call = Call(self._function, body, key, call_id=key, timeout_seconds=self._seconds)
        if self._store is None:
            return result_of(await self._hook.protocol.send(call))
        return await self._send_asynchronously(call, self._store)

    async def _send_asynchronously(self, call: Call, store: TaskStateStoreAccessor) -> Any:
        """An answer that came to an earlier try is taken without another call."""
        stored = await self._take(store, call.call_id)
        if stored is None:
            await self._submit(call)
            stored = await self._await(store, call)
        if is_oversize(stored):
            raise too_large(call.function, call.call_id, stored["too_large"])
        reply = load_reply(stored)
        check_status(call.function, call.call_id, reply.status)
        return result_of(reply)

    async def _submit(self, call: Call) -> None:
        from baton.hooks.function_callbacks import CallbackHook

        limit = self._hook.response_limit_bytes
        callback = self._identity.callback(call.call_id, time.time() + 2 * self._seconds, limit)
        url = await asyncio.to_thread(CallbackHook().address, callback)
        await self._hook.protocol.send(
            replace(call, timeout_seconds=ACCEPT_SECONDS, asynchronous=True, callback_url=url)
        )

    async def _await(self, store: TaskStateStoreAccessor, call: Call) -> dict[str, Any]:
        deadline, pause = time.monotonic() + self._seconds, FIRST_LOOK_SECONDS
        while (stored := await self._take(store, call.call_id)) is None:
            if time.monotonic() > deadline:
                raise UnavailableError(f"function {call.function} posted no answer to call {call.call_id} in time")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, SLOWEST_LOOK_SECONDS)
        return stored

    async def _take(self, store: TaskStateStoreAccessor, call_id: str) -> dict[str, Any] | None:
        """Return an answer that has come, and remove it. In a thread: the state store is a request to Airflow."""
        stored: Any = await asyncio.to_thread(store.get, state_key(call_id))
        if stored is not None:
            await asyncio.to_thread(store.delete, state_key(call_id))
        return stored if isinstance(stored, dict) else None
