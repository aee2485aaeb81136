"""Wait for a function without holding a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from airflow.triggers.base import BaseTrigger, TriggerEvent

from baton.exceptions import PermanentError, TransientError
from baton.functions.call import Call, Reply
from baton.functions.callback_tokens import Callback
from baton.functions.patience import Patience
from baton.functions.stored_reply import store_reply
from baton.hooks.function import FunctionHook
from baton.hooks.function_callbacks import CallbackHook

RESPONSE, CALLBACK, POLLING = "response", "callback", "polling"
REPLY, ARRIVED, LATE, PERMANENT, TRANSIENT = "reply", "arrived", "late", "permanent", "transient"
"""Outcomes in the event: the reply is in it; it is in the state store; it did not come in time; two kinds of errors."""

FIRST_LOOK_SECONDS, SLOWEST_LOOK_SECONDS = 0.2, 2.0
POLL_SECONDS = 5.0


class FunctionTrigger(BaseTrigger):
    """Make a call and wait for its reply, or wait for the answer to one that was made.

    A triggerer that takes over makes a synchronous call again, with the same idempotency key.

    :param call: a `Call` as plain JSON, its body as text. No secret: the connection is read where it is used.
    :param waits_for: `response`, `callback` or `polling`.
    :param patience: a `Patience` as plain JSON.
    :param callback: a `Callback` as plain JSON, for `callback`.
    :param location: where to ask, for `polling`.
    :param deadline: Unix seconds.
    :param deferred_at: when the worker handed over, Unix seconds.
    """

    def __init__(
        self,
        *,
        function_conn_id: str,
        call: dict[str, Any],
        waits_for: str,
        patience: dict[str, Any],
        response_limit_bytes: int,
        deadline: float,
        deferred_at: float,
        callback: dict[str, Any] | None = None,
        location: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.function_conn_id = function_conn_id
        self.call = call
        self.waits_for = waits_for
        self.patience = patience
        self.response_limit_bytes = response_limit_bytes
        self.deadline = deadline
        self.deferred_at = deferred_at
        self.callback = callback
        self.location = location

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another triggerer needs to take over."""
        names = (
            "function_conn_id", "call", "waits_for", "patience", "response_limit_bytes", "deadline", "deferred_at",
            "callback", "location",
        )  # fmt: skip
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire one event; `read_event` reads it."""
        try:
            async with asyncio.timeout(max(0.0, self.deadline - time.time())):
                event = await self._wait()
        except PermanentError as err:
            event = {"outcome": PERMANENT, "message": str(err)}
        except TransientError as err:
            event = {"outcome": TRANSIENT, "message": str(err)}
        except TimeoutError:
            event = {"outcome": LATE}
        await self._let_first_half_settle()
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def _wait(self) -> dict[str, Any]:
        if self.waits_for == CALLBACK:
            await self._await_callback()
            return {"outcome": ARRIVED}
        hook = FunctionHook(self.function_conn_id, response_limit_bytes=self.response_limit_bytes)
        async with hook:
            reply = await self._poll(hook) if self.waits_for == POLLING else await self._send(hook)
        return {"outcome": REPLY, "reply": store_reply(reply)}

    async def _send(self, hook: FunctionHook) -> Reply:
        return await hook.call(load_call(self.call), Patience(**self.patience))

    async def _poll(self, hook: FunctionHook) -> Reply:
        call, patience = load_call(self.call), Patience(**self.patience)
        while (reply := await hook.ask(call, self.location or "", patience)) is None:
            await asyncio.sleep(POLL_SECONDS)
        return reply

    async def _await_callback(self) -> None:
        """Ask our own API server until the answer has come; one that is down for a while is waited for."""
        url = await asyncio.to_thread(CallbackHook().address, Callback(**(self.callback or {})))
        pause = FIRST_LOOK_SECONDS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while not await _has_arrived(session, url):
                await asyncio.sleep(pause)
                pause = min(pause * 1.3, SLOWEST_LOOK_SECONDS)

    async def _let_first_half_settle(self) -> None:
        """Resume no task in the first moments after its deferral; why: see `WorkloadTrigger`."""
        from baton.triggers import workload  # not above: DAG files must not pay for the Kubernetes clients

        await asyncio.sleep(max(0.0, workload.SETTLE_SECONDS - (time.time() - self.deferred_at)))


async def _has_arrived(session: aiohttp.ClientSession, url: str) -> bool:
    """Look once.

    :raises PermanentError: the address is refused: another key, or its time is over.
    """
    try:
        async with session.get(url) as response:
            if response.status in (403, 404, 410):
                raise PermanentError(
                    f"Airflow's API server refuses the callback's address with {response.status}: do connection "
                    "function_callbacks and its key agree on all components?"
                )
            return response.status == 200
    except (aiohttp.ClientError, OSError):
        return False


def dump_call(call: Call) -> dict[str, Any]:
    """Return a call as plain JSON, without the address of its callback."""
    fields = {name: getattr(call, name) for name in ("function", "key", "call_id", "timeout_seconds", "asynchronous")}
    return {**fields, "body": call.body.decode()}


def load_call(stored: dict[str, Any]) -> Call:
    """Return the call that was dumped."""
    return Call(**{**stored, "body": stored["body"].encode()})
