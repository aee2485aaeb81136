"""Call a function."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    UnavailableError,
    UnusableAnswerError,
    check_status,
    result_of,
    too_large,
)
from baton.functions.call_retries import CallRetries
from baton.functions.callback_tokens import Callback
from baton.functions.hook import CONNECTION, RESPONSE_LIMIT_BYTES, FunctionHook
from baton.functions.identity import TaskIdentity
from baton.functions.pending_call import CallMemory, PendingCall
from baton.functions.stored_reply import is_oversize, is_success, load_reply, store_reply
from baton.functions.xcom_value import xcom_value

if TYPE_CHECKING:
    from airflow.sdk import Context

SYNCHRONOUS, CALLBACK, POLLING, FORGET = "synchronous", "callback", "polling", "forget"
MODES = (SYNCHRONOUS, CALLBACK, POLLING, FORGET)
ACCEPT_SECONDS = 30.0
"""How long a gateway may take to accept an asynchronous call."""
GRACE_SECONDS = 600.0
"""How long an answer is still taken after nobody waits for it: the next try finds it."""
LOOK_SECONDS = 1.0
SECOND_ANSWER_SECONDS = 5.0
"""How long a success is waited for after a posted answer that says that the function failed."""
TO_CALL_AGAIN = "look at its log; to call it again clear the task's state and the task"


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
        memory = self._memory(context)
        try:
            if self.mode == SYNCHRONOUS:
                return self._call_synchronously(context, memory)
            pending = self._submit(context, memory)
            if self.mode == FORGET:
                memory.forget(pending)
                return pending.call_id(self._key(context))
            return self._await_answer(context, memory, pending)
        except PermanentError as err:
            raise AirflowFailException(str(err)) from err

    def _call_synchronously(self, context: Context, memory: CallMemory) -> Any:
        pending = memory.read() or PendingCall()
        call = self._call(context, pending)
        if self.deferrable and self.repeatable:
            self._defer(call, "response")
        self._mark(memory, pending)
        try:
            with self._ending(memory, pending):
                return xcom_value(result_of(asyncio.run(self._send(call))))
        except TransientError:
            memory.forget(pending)  # it has not run, else patience would have raised OutcomeUnknownError
            raise

    @contextmanager
    def _ending(self, memory: CallMemory, pending: PendingCall) -> Iterator[None]:
        """Forget a call whose end is known; one that has done its work in vain and may not run twice is remembered."""
        try:
            yield
        except UnusableAnswerError as err:
            if not self.repeatable:
                raise UnusableAnswerError(f"{err}. It may not run twice: {TO_CALL_AGAIN}") from err
            memory.forget(pending)
            raise
        except RefusedError:
            memory.forget(pending)
            raise
        memory.forget(pending)

    def _submit(self, context: Context, memory: CallMemory) -> PendingCall:
        """Make an asynchronous call, or find the one that an earlier try has made."""
        pending = memory.read()
        if pending is None:
            pending = PendingCall()
            memory.drop_answers(pending)  # posted once more after this task had ended well: none to this call
        elif pending.accepted or memory.answer(pending) is not None:
            self.log.info("An earlier try has made call %s: its answer counts", pending.call_id(self._key(context)))
            return pending
        self._mark(memory, pending)
        call = self._call(context, pending)
        reply = self._submit_once(call, memory, pending)
        if reply.status != ACCEPTED:
            memory.keep_answer(pending, store_reply(reply))
        return memory.accept(pending, reply.location, time.time() + self.timeout_seconds)

    def _submit_once(self, call: Call, memory: CallMemory, pending: PendingCall) -> Reply:
        """Hand a call over; whether the gateway has taken it may stay unknown, then its answer is waited for."""
        try:
            reply = asyncio.run(self._send(call, lambda: memory.answer(pending) is not None))
        except (UnavailableError, OutcomeUnknownError) as err:
            if self.mode == CALLBACK and (isinstance(err, OutcomeUnknownError) or err.lost):
                self.log.warning("%s. The gateway may have taken it: waiting for an answer", err)
                return Reply(ACCEPTED)
            if isinstance(err, UnavailableError) and not self.repeatable:
                memory.forget(pending)  # it has not run, else patience would have raised OutcomeUnknownError
            raise
        except RefusedError as err:
            if not self.repeatable and not isinstance(err, UnusableAnswerError):
                memory.forget(pending)
            raise
        self.log.info("Function %s: call %s is accepted", call.function, call.call_id)
        return reply

    def _mark(self, memory: CallMemory, pending: PendingCall) -> None:
        """Remember that a call is made now; a second one of a function that may not run twice ends here."""
        if not self.repeatable and memory.read() is not None:
            raise OutcomeUnknownError(
                f"an earlier try was ended while it called function {self.function}, which may not run twice: "
                f"{TO_CALL_AGAIN}"
            )
        memory.write(pending)

    def _await_answer(self, context: Context, memory: CallMemory, pending: PendingCall) -> Any:
        call = self._call(context, pending)
        if (answer := memory.answer(pending)) is not None:
            return self._finish(memory, pending, call.call_id, answer)
        if self.mode == POLLING and not pending.location:
            self._let_go(memory, pending)
            raise PermanentError(f"the gateway of function {self.function} names no address to ask at: use callback")
        if self.deferrable or self.mode == POLLING:
            callback = self._callback(context, pending) if self.mode == CALLBACK else None
            self._defer(call, self.mode, pending.deadline, pending.location, callback)
        if (answer := self._look(memory, pending, pending.deadline)) is not None:
            return self._finish(memory, pending, call.call_id, answer)
        return self._lose(memory, pending, call.call_id)

    def _look(
        self, memory: CallMemory, pending: PendingCall, deadline: float, counts: Callable[[dict[str, Any]], bool] = bool
    ) -> dict[str, Any] | None:
        """Look for a posted answer, here in the worker; the last look is begun after the deadline."""
        while True:
            left = deadline - time.time()
            stored = memory.answer(pending)
            if stored is not None and counts(stored):
                return stored
            if left <= 0:
                return None
            time.sleep(min(LOOK_SECONDS, left))

    def _defer(
        self,
        call: Call,
        waits_for: str,
        deadline: float = 0.0,
        location: str | None = None,
        callback: Callback | None = None,
    ) -> NoReturn:
        from baton.functions.trigger import FunctionTrigger, dump_call

        self.defer(
            trigger=FunctionTrigger(
                function_conn_id=self.function_conn_id,
                call=dump_call(call),
                waits_for=waits_for,
                patience=asdict(self._call_retries()),
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
        from baton.functions import trigger as triggers

        memory, outcome = self._memory(context), event["outcome"]
        pending = memory.read() or PendingCall()
        call_id = pending.call_id(self._key(context))
        try:
            # Whatever the trigger has seen, an answer that was posted counts.
            stored = event.get("reply") or (memory.answer(pending) if self.mode == CALLBACK else None)
            if stored is not None:
                return self._finish(memory, pending, call_id, stored)
            if outcome == triggers.LATE:
                return self._lose(memory, pending, call_id)
            if outcome == triggers.PERMANENT:
                if self.mode == POLLING:
                    self._let_go(memory, pending)  # its address will be refused again
                raise PermanentError(event["message"])
            words = f"the answer of function {self.function} is no longer in the state store"
            raise TransientError(event.get("message", words))
        except PermanentError as err:
            raise AirflowFailException(str(err)) from err

    def _finish(self, memory: CallMemory, pending: PendingCall, call_id: str, stored: dict[str, Any]) -> Any:
        """Read an answer that has come; one that says that the function failed makes room for another call."""
        try:
            return self._result(memory, pending, call_id, stored)
        except TransientError as err:
            # A gateway whose time for a call was over may run it again, and then posts twice.
            until = time.time() + (SECOND_ANSWER_SECONDS if self.mode == CALLBACK else 0.0)
            if (later := self._look(memory, pending, until, is_success)) is not None:
                return self._result(memory, pending, call_id, later)
            if not self.repeatable:
                raise OutcomeUnknownError(
                    f"{err}. It may have done its work, and may not run twice: {TO_CALL_AGAIN}"
                ) from err
            memory.write(pending.following())
            raise

    def _result(self, memory: CallMemory, pending: PendingCall, call_id: str, stored: dict[str, Any]) -> Any:
        with self._ending(memory, pending):
            if is_oversize(stored):
                raise too_large(self.function, call_id, stored["too_large"])
            reply = load_reply(stored)
            check_status(self.function, call_id, reply.status)
            return xcom_value(result_of(reply))

    def _lose(self, memory: CallMemory, pending: PendingCall, call_id: str) -> NoReturn:
        words = f"function {self.function} did not answer within {self.timeout_seconds:g} s"
        if not self.repeatable:
            raise OutcomeUnknownError(f"{words}. It may have run, and may not run twice: {TO_CALL_AGAIN}")
        memory.write(pending.following())
        raise TransientError(f"{words} (call {call_id})")

    def _let_go(self, memory: CallMemory, pending: PendingCall) -> None:
        """Wait no more for a call that cannot be asked about: who clears the task makes another one, where it may."""
        if self.repeatable:
            memory.write(pending.following())

    async def _send(self, call: Call, is_answered: Callable[[], bool] = lambda: False) -> Reply:
        hook = FunctionHook(self.function_conn_id, response_limit_bytes=self.response_limit_bytes)
        async with hook:
            return await hook.call(call, self._call_retries(), is_answered)

    def _call_retries(self) -> CallRetries:
        """Return how long this try goes on; a synchronous call may take its time twice."""
        is_synchronous = self.mode == SYNCHRONOUS
        return CallRetries(seconds=2 * self.timeout_seconds if is_synchronous else 300.0, repeatable=self.repeatable)

    def _memory(self, context: Context) -> CallMemory:
        return CallMemory(context["task_state_store"], self._key(context))

    def _key(self, context: Context) -> str:
        return self.idempotency_key or TaskIdentity.of(context).key

    def _call(self, context: Context, pending: PendingCall) -> Call:
        from baton.functions.callbacks_hook import CallbackHook

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
