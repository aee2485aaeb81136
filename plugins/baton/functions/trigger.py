"""Wait for a function without holding a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
from airflow.triggers.base import BaseTrigger, TriggerEvent

from baton.exceptions import PermanentError, TransientError
from baton.functions.call import Call, Reply
from baton.functions.call_retries import CallRetries
from baton.functions.callback_tokens import OURS_HEADER, Callback
from baton.functions.callbacks_hook import CallbackHook
from baton.functions.deadline import look_until_there
from baton.functions.hook import FunctionHook
from baton.functions.stored_reply import store_reply

RESPONSE, CALLBACK, POLLING = "response", "callback", "polling"
REPLY, ARRIVED, LATE, PERMANENT, TRANSIENT = "reply", "arrived", "late", "permanent", "transient"
"""Outcomes in the event: the reply is in it; it is in the state store; it did not come in time; two kinds of errors."""

POLL_SECONDS = 5.0


class FunctionTrigger(BaseTrigger):
    """Make a call and wait for its reply, or wait for the answer to one that was made.

    A triggerer that takes over makes a synchronous call again, with the same idempotency key.

    :param call: a `Call` as plain JSON, its body as text. No secret: the connection is read where it is used.
    :param waits_for: `response`, `callback` or `polling`.
    :param patience: a `CallRetries` as plain JSON.
    :param callback: a `Callback` as plain JSON, for `callback`.
    :param location: where to ask, for `polling`.
    :param deadline: Unix seconds, for an answer to a call that was made. What the trigger itself calls has the time
        that `patience` and the call name, from when it is called.
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
        deferred_at: float,
        deadline: float = 0.0,
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
        """Fire one event; the operator's `resume` reads it."""
        try:
            event = await self._wait()
        except PermanentError as err:
            event = {"outcome": PERMANENT, "message": str(err)}
        except TransientError as err:
            event = {"outcome": TRANSIENT, "message": str(err)}
        await self._let_first_half_settle()
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def _wait(self) -> dict[str, Any]:
        if self.waits_for == CALLBACK:
            return {"outcome": await self._await_callback()}
        hook = FunctionHook(self.function_conn_id, response_limit_bytes=self.response_limit_bytes)
        async with hook:
            reply = await self._poll(hook) if self.waits_for == POLLING else await self._send(hook)
        return {"outcome": REPLY, "reply": store_reply(reply)} if reply is not None else {"outcome": LATE}

    async def _send(self, hook: FunctionHook) -> Reply:
        return await hook.call(load_call(self.call), CallRetries(**self.patience))

    async def _poll(self, hook: FunctionHook) -> Reply | None:
        """Ask until there is an answer; once at least, however late we are. None: not in time."""
        call, patience = (
            load_call(self.call),
            replace(CallRetries(**self.patience), repeatable=True),
        )  # asking does no work
        while True:
            left = max(0.0, self.deadline - time.time())
            reply = await hook.ask(call, self.location or "", replace(patience, seconds=left))
            if reply is not None or not left:
                return reply
            await asyncio.sleep(min(POLL_SECONDS, left))

    async def _await_callback(self) -> str:
        """Ask our own API server until the answer has come; one that is down for a while is waited for."""
        callback = Callback(**(self.callback or {}))
        url, headers = await asyncio.to_thread(CallbackHook().question, callback)
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
            outcome = await look_until_there(lambda: _look(session, url), self.deadline - time.time())
        return outcome or LATE

    async def _let_first_half_settle(self) -> None:
        """Resume no task in the first moments after its deferral; why: see `WorkloadTrigger`."""
        from baton.workloads import trigger as workload  # not above: DAG files must not pay for the Kubernetes clients

        await asyncio.sleep(max(0.0, workload.SETTLE_SECONDS - (time.time() - self.deferred_at)))


async def _look(session: aiohttp.ClientSession, url: str) -> str | None:
    """Look once; returns an outcome, or None for no answer yet, or words of somebody else than our API server.

    :raises PermanentError: our token is refused: it is signed with another key.
    """
    try:
        async with session.get(url, allow_redirects=False) as response:
            if OURS_HEADER not in response.headers:
                return None
            if response.status == 403:
                raise PermanentError(
                    "Airflow's API server refuses the callback's token: does the key of connection function_callbacks "
                    "agree on all components?"
                )
            return {200: ARRIVED, 410: LATE}.get(response.status)
    except (aiohttp.ClientError, OSError):
        return None


def dump_call(call: Call) -> dict[str, Any]:
    """Return a call as plain JSON, without the address of its callback."""
    fields = {name: getattr(call, name) for name in ("function", "key", "call_id", "timeout_seconds", "asynchronous")}
    return {**fields, "body": call.body.decode()}


def load_call(stored: dict[str, Any]) -> Call:
    """Return the call that was dumped."""
    return Call(**{**stored, "body": stored["body"].encode()})
