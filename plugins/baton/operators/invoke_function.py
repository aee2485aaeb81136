"""Call a function."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from baton.exceptions import PermanentError, TransientError
from baton.functions.call import (
    ACCEPTED,
    Call,
    OutcomeUnknownError,
    RefusedError,
    Reply,
    check_status,
    result_of,
    too_large,
)
from baton.functions.callback_tokens import Callback
from baton.functions.identity import TaskIdentity
from baton.functions.patience import Patience
from baton.functions.pending_call import CallMemory, PendingCall
from baton.functions.stored_reply import is_oversize, load_reply, store_reply
from baton.hooks.function import CONNECTION, RESPONSE_LIMIT_BYTES, FunctionHook

if TYPE_CHECKING:
    from airflow.sdk import Context

SYNCHRONOUS, CALLBACK, POLLING, FORGET = "synchronous", "callback", "polling", "forget"
MODES = (SYNCHRONOUS, CALLBACK, POLLING, FORGET)
ACCEPT_SECONDS = 30.0
"""How long a gateway may take to accept an asynchronous call."""
GRACE_SECONDS = 600.0
"""How long an answer is still taken after nobody waits for it: the next try finds it."""
LOOK_SECONDS = 1.0


class InvokeFunctionOperator(BaseOperator):
    """Call a function and return its result.

    Each call carries an idempotency key that is the same for all tries of the task, and after it was cleared. An
    asynchronous call that a killed try has made is waited for by the next one, not made again.

    :param function: its name at the gateway. (templated)
    :param payload: JSON for it. (templated) No secrets: it is shown in the web UI.
    :param function_conn_id: where, how and as whom; see `FunctionHook`.
    :param mode: `synchronous`: wait for the response. `callback`: the gateway accepts the call and posts the answer to
        Airflow. `polling`: it accepts the call and names an address to ask at. `forget`: it accepts the call; whether
        it ends well is not known.
    :param timeout_seconds: for the answer; counted anew for each call.
    :param repeatable: False for a function that neither knows the key nor may run twice: it is called again only where
        it surely has not run, otherwise the task fails and says so.
    :param response_limit_bytes: larger answers fail the task.
    :param idempotency_key: instead of the task's own, for work that several tasks might ask for. (templated)
    :param deferrable: wait in the triggerer; False holds a worker.
    :returns: the answer, JSON or text; the call's id for `forget`.
    :raises AirflowFailException: 4xx, an answer that is too large or no JSON, or it is not known whether it ran.
    :raises TransientError: 5xx, too many requests, no answer; the task is tried again.
    """

    template_fields: Sequence[str] = ("function", "payload", "idempotency_key")
    template_fields_renderers = {"payload": "json"}  # noqa: RUF012  (Airflow reads a plain class attribute)

    def __init__(
        self,
        *,
        function: str,
        payload: Any = None,
        function_conn_id: str = CONNECTION,
        mode: str = SYNCHRONOUS,
        timeout_seconds: float = 300.0,
        repeatable: bool = True,
        response_limit_bytes: int = RESPONSE_LIMIT_BYTES,
        idempotency_key: str | None = None,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if mode not in MODES:
            raise ValueError(f"mode is {mode!r}, must be one of {', '.join(MODES)}")
        self.function = function
        self.payload = payload
        self.function_conn_id = function_conn_id
        self.mode = mode
        self.timeout_seconds = timeout_seconds
        self.repeatable = repeatable
        self.response_limit_bytes = response_limit_bytes
        self.idempotency_key = idempotency_key
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Call, then wait deferred, or here."""
        memory = CallMemory(context["task_state_store"])
        try:
            if self.mode == SYNCHRONOUS:
                return self._call_synchronously(context, memory)
            pending = self._submit(context, memory)
            if self.mode == FORGET:
                return self._forget(memory, pending.call_id(self._key(context)))
            return self._await_answer(context, memory, pending)
        except PermanentError as err:
            raise AirflowFailException(str(err)) from err

    def _call_synchronously(self, context: Context, memory: CallMemory) -> Any:
        pending = memory.read() or PendingCall()
        call = self._call(context, pending)
        if self.deferrable and self.repeatable:
            self._defer(call, "response", time.time() + self._patience().seconds)
        self._mark(memory, pending)
        try:
            reply = asyncio.run(self._send(call))
        except (TransientError, RefusedError):
            memory.forget(call.call_id)  # it has not run, or its end is known
            raise
        memory.forget(call.call_id)
        return result_of(reply)

    def _submit(self, context: Context, memory: CallMemory) -> PendingCall:
        """Make an asynchronous call, or find the one that an earlier try has made."""
        pending = memory.read() or PendingCall()
        if pending.accepted:
            self.log.info(
                "An earlier try has made call %s: waiting for its answer", pending.call_id(self._key(context))
            )
            return pending
        self._mark(memory, pending)
        call = self._call(context, pending)
        try:
            reply = asyncio.run(self._send(call))
        except (TransientError, RefusedError):
            if not self.repeatable:
                memory.forget(call.call_id)  # it has not run, else patience would have raised OutcomeUnknownError
            raise
        self.log.info("Function %s: call %s is accepted", call.function, call.call_id)
        if reply.status != ACCEPTED:
            memory.keep_answer(call.call_id, store_reply(reply))
        return memory.accept(pending, reply.location, time.time() + self.timeout_seconds)

    def _mark(self, memory: CallMemory, pending: PendingCall) -> None:
        """Remember that a call is made now; a second one of a function that may not run twice ends here."""
        if not self.repeatable and memory.read() is not None:
            raise OutcomeUnknownError(
                f"an earlier try was ended while it called function {self.function}, which may not run twice: look at "
                "its log; to call it again clear the task's state and the task"
            )
        memory.write(pending)

    def _await_answer(self, context: Context, memory: CallMemory, pending: PendingCall) -> Any:
        call = self._call(context, pending)
        if (answer := memory.answer(call.call_id)) is not None:
            return self._finish(context, memory, answer)
        if self.mode == POLLING and not pending.location:
            self._let_go(memory, pending)
            raise PermanentError(f"the gateway of function {self.function} names no address to ask at: use callback")
        if self.deferrable or self.mode == POLLING:
            callback = self._callback(context, pending) if self.mode == CALLBACK else None
            self._defer(call, self.mode, pending.deadline, pending.location, callback)
        while time.time() < pending.deadline:
            if (answer := memory.answer(call.call_id)) is not None:
                return self._finish(context, memory, answer)
            time.sleep(LOOK_SECONDS)
        return self._lose(context, memory)

    def _defer(
        self,
        call: Call,
        waits_for: str,
        deadline: float,
        location: str | None = None,
        callback: Callback | None = None,
    ) -> NoReturn:
        from baton.triggers.function import FunctionTrigger, dump_call

        self.defer(
            trigger=FunctionTrigger(
                function_conn_id=self.function_conn_id,
                call=dump_call(call),
                waits_for=waits_for,
                patience=asdict(self._patience()),
                response_limit_bytes=self.response_limit_bytes,
                deadline=deadline,
                deferred_at=time.time(),
                callback=callback.serialize() if callback else None,
                location=location,
            ),
            method_name="resume",
        )

    def resume(self, context: Context, event: dict[str, Any]) -> Any:
        """Take over from the trigger."""
        from baton.triggers import function as triggers

        memory = CallMemory(context["task_state_store"])
        outcome = event["outcome"]
        try:
            if outcome == triggers.LATE:
                return self._lose(context, memory)
            if outcome == triggers.TRANSIENT:
                raise TransientError(event["message"])
            pending = memory.read() or PendingCall()
            if outcome == triggers.PERMANENT:
                if self.mode == POLLING:
                    self._let_go(memory, pending)  # its address will be refused again
                raise PermanentError(event["message"])
            stored = event.get("reply") or memory.answer(pending.call_id(self._key(context)))
            if stored is None:
                raise TransientError(f"the answer of function {self.function} is no longer in the state store")
            return self._finish(context, memory, stored)
        except PermanentError as err:
            raise AirflowFailException(str(err)) from err

    def _finish(self, context: Context, memory: CallMemory, stored: dict[str, Any]) -> Any:
        """Read an answer that has come; one that says that the function failed makes room for another call."""
        pending = memory.read() or PendingCall()
        call_id = pending.call_id(self._key(context))
        memory.forget(call_id)
        if is_oversize(stored):
            raise too_large(self.function, call_id, stored["too_large"])
        reply = load_reply(stored)
        try:
            check_status(self.function, call_id, reply.status)
        except TransientError as err:
            if not self.repeatable:
                raise OutcomeUnknownError(f"{err}. It may have done its work, and may not run twice") from err
            memory.write(pending.following())
            raise
        return result_of(reply)

    def _lose(self, context: Context, memory: CallMemory) -> NoReturn:
        pending = memory.read() or PendingCall()
        words = f"function {self.function} did not answer within {self.timeout_seconds:g} s"
        if not self.repeatable:
            raise OutcomeUnknownError(f"{words}. It may have run, and may not run twice")
        memory.write(pending.following())
        raise TransientError(f"{words} (call {pending.call_id(self._key(context))})")

    def _let_go(self, memory: CallMemory, pending: PendingCall) -> None:
        """Wait no more for a call that cannot be asked about: who clears the task makes another one, where it may."""
        if self.repeatable:
            memory.write(pending.following())

    def _forget(self, memory: CallMemory, call_id: str) -> str:
        memory.forget(call_id)
        return call_id

    async def _send(self, call: Call) -> Reply:
        hook = FunctionHook(self.function_conn_id, response_limit_bytes=self.response_limit_bytes)
        async with hook:
            return await hook.call(call, self._patience())

    def _patience(self) -> Patience:
        """Return how long this try goes on; a synchronous call may take its time twice."""
        is_synchronous = self.mode == SYNCHRONOUS
        return Patience(seconds=2 * self.timeout_seconds if is_synchronous else 300.0, repeatable=self.repeatable)

    def _key(self, context: Context) -> str:
        return self.idempotency_key or TaskIdentity.of(context).key

    def _call(self, context: Context, pending: PendingCall) -> Call:
        from baton.hooks.function_callbacks import CallbackHook

        asynchronous = self.mode != SYNCHRONOUS
        callback = self._callback(context, pending) if self.mode == CALLBACK and not pending.accepted else None
        return Call(
            function=self.function,
            body=self._body(),
            key=self._key(context),
            call_id=pending.call_id(self._key(context)),
            timeout_seconds=ACCEPT_SECONDS if asynchronous else self.timeout_seconds,
            asynchronous=asynchronous,
            callback_url=CallbackHook().address(callback) if callback else None,
        )

    def _body(self) -> bytes:
        try:
            return json.dumps(self.payload, allow_nan=False).encode()
        except (TypeError, ValueError) as err:
            raise PermanentError(f"the payload for function {self.function} is no JSON: {err}") from err

    def _callback(self, context: Context, pending: PendingCall) -> Callback:
        expires_at = (pending.deadline or time.time() + self.timeout_seconds) + GRACE_SECONDS
        call_id = pending.call_id(self._key(context))
        return TaskIdentity.of(context).callback(call_id, expires_at, self.response_limit_bytes)
