"""The operator: one call for one piece of work, however often the task is tried, killed or cleared."""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from aiohttp import web
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from tests.unit.baton.functions.conftest import TOKEN, Connect, Server

from baton.exceptions import TransientError
from baton.functions import trigger as triggers
from baton.functions.call import Reply
from baton.functions.callback_tokens import OURS_HEADER, PATH, Signer
from baton.functions.identity import TaskIdentity
from baton.functions.operator import CALLBACK, FORGET, POLLING, InvokeFunctionOperator
from baton.functions.pending_call import CallMemory, PendingCall
from baton.functions.stored_reply import load_reply, state_key, store_oversize, store_reply
from baton.functions.trigger import FunctionTrigger

Context = dict[str, Any]


def operator(connection_id: str, **fields: Any) -> InvokeFunctionOperator:
    """A task that calls the function `add`."""
    return InvokeFunctionOperator(
        task_id="t", function="add", payload={"n": 1}, function_conn_id=connection_id, **fields
    )


async def run(task: InvokeFunctionOperator, context: Context) -> Any:
    """Run it as a worker does; returns its result, or the trigger that it waits with."""
    try:
        return await asyncio.to_thread(task.execute, context)
    except TaskDeferred as deferral:
        return deferral.trigger


async def event_of(trigger: FunctionTrigger) -> dict[str, Any]:
    """Run a trigger as another triggerer would, from what was stored of it."""
    path, arguments = trigger.serialize()
    assert path == "baton.functions.trigger.FunctionTrigger"
    again = FunctionTrigger(**json.loads(json.dumps(arguments)))
    with mock.patch("baton.workloads.trigger.SETTLE_SECONDS", 0):
        async for event in again.run():
            return event.payload  # type: ignore[no-any-return]
    raise AssertionError("no event")


def answer(context: Context, call_id: str, reply: dict[str, Any]) -> None:
    """Let the callback route keep an answer."""
    context["task_state_store"].set(state_key(call_id), reply)


def key_of(context: Context) -> str:
    return TaskIdentity.of(context).key  # type: ignore[arg-type]


async def test_synchronous_call_is_made_by_the_trigger(server: Server, connect: Connect, context: Context) -> None:
    """No worker waits; the result comes back with the event; neither token nor callback stands in what is stored."""
    task = operator(connect(server.port))
    trigger = await run(task, context)
    assert server.requests == []
    assert TOKEN not in json.dumps(trigger.serialize())
    event = await event_of(trigger)
    assert task.resume(context, event) == {"ok": True}
    [request] = server.requests
    assert json.loads(request.body) == {"n": 1}
    assert request.headers["Idempotency-Key"] == key_of(context)


@pytest.mark.parametrize(("status", "error"), [(422, AirflowFailException), (500, TransientError)])
async def test_errors_of_the_trigger_are_the_tasks(
    server: Server, connect: Connect, context: Context, status: int, error: type[Exception]
) -> None:
    """Permanent ones are not tried again."""
    server.answers = [web.Response(status=status)]
    task = operator(connect(server.port))
    with mock.patch.object(InvokeFunctionOperator, "_call_retries", return_value=quick_retries()):
        trigger = await run(task, context)
    with pytest.raises(error, match=str(status)):
        task.resume(context, await event_of(trigger))


def quick_retries() -> Any:
    from baton.functions.call_retries import CallRetries

    return CallRetries(attempts=2, seconds=5, first_pause_seconds=0.01)


async def test_each_try_has_the_same_key_and_each_task_its_own(context: Context) -> None:
    """Dag, run, task and map index make it."""
    first = key_of(context)
    assert key_of(context) == first
    for name in ("dag_id", "run_id", "task_id"):
        before = getattr(context["ti"], name)
        setattr(context["ti"], name, "other")
        assert key_of(context) != first
        setattr(context["ti"], name, before)
    context["ti"].map_index = 0
    assert key_of(context) != first


async def test_callback_is_signed_and_waited_for(server: Server, connect: Connect, context: Context) -> None:
    """The gateway gets an address that names this task; the answer that is posted there is the task's result."""
    server.answers = [web.Response(status=202)]
    task = operator(connect(server.port, "openfaas"), mode=CALLBACK)
    trigger = await run(task, context)
    address = server.requests[0].headers["X-Callback-Url"]
    assert address.startswith(f"http://airflow.example{PATH}/")
    callback = Signer(["a-key-that-signs-callbacks"]).read(address.rsplit("/", 1)[1], time.time())
    assert (callback.dag_id, callback.task_id, callback.call_id) == ("d", "t", server.requests[0].headers["X-Call-Id"])
    assert address not in json.dumps(trigger.serialize())
    answer(context, callback.call_id, store_reply(Reply(200, b'{"sum": 3}')))
    assert task.resume(context, {"outcome": triggers.ARRIVED}) == {"sum": 3}
    assert context["task_state_store"] == {}


async def test_next_try_waits_for_the_call_of_the_killed_one(
    server: Server, connect: Connect, context: Context
) -> None:
    """The function is not called again; when its answer has come already, there is nothing to wait for either."""
    server.answers = [web.Response(status=202)]
    task = operator(connect(server.port, "openfaas"), mode=CALLBACK)
    await run(task, context)
    assert isinstance(await run(task, context), FunctionTrigger)
    answer(context, f"{key_of(context)}-1", store_reply(Reply(200, b"7")))
    assert await run(task, context) == 7
    assert len(server.requests) == 1


@pytest.mark.parametrize("outcome", ["failed", "late"])
async def test_failed_or_lost_call_is_made_anew_with_the_same_key(
    server: Server, connect: Connect, context: Context, outcome: str
) -> None:
    """Under another call id, so that a late answer to the first is not taken for the second's."""
    server.answers = [web.Response(status=202)]
    task = operator(connect(server.port, "openfaas"), mode=CALLBACK)
    await run(task, context)
    answer(context, f"{key_of(context)}-1", store_reply(Reply(500, b"")))
    event = {"outcome": triggers.ARRIVED if outcome == "failed" else triggers.LATE}
    with pytest.raises(TransientError):
        task.resume(context, event)
    await run(task, context)
    first, second = server.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.headers["X-Call-Id"] != second.headers["X-Call-Id"]


async def test_answer_past_the_limit_is_permanent(server: Server, connect: Connect, context: Context) -> None:
    """It would be as large the next time."""
    server.answers = [web.Response(status=202)]
    task = operator(connect(server.port, "openfaas"), mode=CALLBACK)
    await run(task, context)
    answer(context, f"{key_of(context)}-1", store_oversize(1000))
    with pytest.raises(AirflowFailException, match="more than 1000 bytes"):
        task.resume(context, {"outcome": triggers.ARRIVED})


async def test_polling_follows_the_gateways_address(server: Server, connect: Connect, context: Context) -> None:
    """Until it answers something else than 202."""
    accepted = web.Response(status=202, headers={"Location": "/status/1"})
    server.answers = [accepted, web.Response(status=202), web.json_response({"sum": 3})]
    task = operator(connect(server.port), mode=POLLING)
    trigger = await run(task, context)
    with mock.patch.object(triggers, "POLL_SECONDS", 0.01):
        event = await event_of(trigger)
    assert task.resume(context, event) == {"sum": 3}
    assert [(request.method, request.path) for request in server.requests[1:]] == [("GET", "/status/1")] * 2


@pytest.mark.parametrize("mode", [CALLBACK, POLLING])
@pytest.mark.parametrize(("body", "result"), [('{"sum": 3}', {"sum": 3}), ("", None)])
async def test_answer_that_comes_at_once_is_the_answer(
    server: Server, connect: Connect, context: Context, mode: str, body: str, result: Any
) -> None:
    """A gateway may ignore `Prefer: respond-async`; who waited all the same would call the function again."""
    server.answers = [web.Response(text=body, content_type="application/json")]
    assert await run(operator(connect(server.port), mode=mode), context) == result
    assert len(server.requests) == 1
    assert context["task_state_store"] == {}


@pytest.mark.parametrize("location", [None, "/status/gone"])
async def test_cleared_task_does_not_ask_again_at_an_address_that_is_none(
    server: Server, connect: Connect, context: Context, location: str | None
) -> None:
    """It calls again, under the same key; one that may not run twice keeps its mark."""
    headers = {"Location": location} if location else {}
    accepted, good = web.Response(status=202, headers=headers), web.json_response({"sum": 3})
    server.answers = [accepted, web.Response(status=404), good] if location else [accepted, good]
    task = operator(connect(server.port), mode=POLLING)
    with pytest.raises(AirflowFailException):
        task.resume(context, await event_of(await run(task, context)))
    assert await run(task, context) == {"sum": 3}
    first, *_, second = server.requests
    assert (first.method, second.method) == ("POST", "POST")
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


async def test_fire_and_forget_ends_when_it_is_accepted(server: Server, connect: Connect, context: Context) -> None:
    """Its result is the call's id, to be found in the function's log; nobody is to be called back."""
    server.answers = [web.Response(status=202)]
    call_id = await run(operator(connect(server.port, "openfaas"), mode=FORGET), context)
    [request] = server.requests
    assert request.headers["X-Call-Id"] == call_id
    assert "X-Callback-Url" not in request.headers


async def test_function_that_may_not_run_twice_is_not_called_by_a_second_try(
    server: Server, connect: Connect, context: Context
) -> None:
    """A try that was killed during its call leaves a mark; what to do is in the message."""
    CallMemory(context["task_state_store"], key_of(context)).write(PendingCall())
    task = operator(connect(server.port), repeatable=False)
    with pytest.raises(AirflowFailException, match="may not run twice"):
        task.execute(context)
    assert server.requests == []


@pytest.mark.parametrize("status", [404, 429])
async def test_call_that_surely_did_not_run_leaves_no_mark(
    server: Server, connect: Connect, context: Context, status: int
) -> None:
    """The next try may call."""
    server.answers = [web.Response(status=status, headers={"Retry-After": "999"})]
    task = operator(connect(server.port), repeatable=False)
    with pytest.raises((AirflowFailException, TransientError)):
        await asyncio.to_thread(task.execute, context)
    assert context["task_state_store"] == {}


async def test_trigger_waits_until_our_api_server_has_the_answer(
    server: Server, connect: Connect, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is down, or answers nonsense, for a while is waited for; a refused address ends it."""
    server.answers = [web.Response(status=202)]
    task = operator(connect(server.port, "openfaas"), mode=CALLBACK)
    trigger = await run(task, context)
    use_server_as_api_server(server, monkeypatch)
    server.requests.clear()
    ours = {OURS_HEADER: "1"}
    server.answers = [
        web.Response(status=502),
        web.Response(status=202, headers=ours),
        web.Response(status=403),  # a firewall's
        web.Response(text="<html>Log in</html>", content_type="text/html"),
        web.Response(status=302, headers={"Location": "/login"}),
        web.Response(status=200, headers=ours),
    ]
    assert await event_of(trigger) == {"outcome": triggers.ARRIVED}
    assert [request.path for request in server.requests] == [PATH] * 6  # no token, which access logs would show
    server.answers = [web.Response(status=403, headers=ours)]
    event = await event_of(trigger)
    assert event["outcome"] == triggers.PERMANENT
    assert "function_callbacks" in event["message"]


async def test_trigger_gives_up_at_its_deadline(server: Server, connect: Connect, context: Context) -> None:
    """The task then says so."""

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    server.answers = [hang]
    task = operator(connect(server.port), timeout_seconds=0.2)
    trigger = await run(task, context)
    event = await event_of(trigger)
    with pytest.raises(TransientError, match="did not answer"):
        task.resume(context, event)


async def accepted_task(server: Server, connect: Connect, context: Context, **fields: Any) -> Any:
    """A task whose call was accepted, and the trigger that it waits with; the API server is the test's server."""
    server.answers = [web.Response(status=202)]
    task = operator(connect(server.port, "openfaas"), mode=CALLBACK, **fields)
    return task, await run(task, context)


def use_server_as_api_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    address = {"conn_type": "http", "host": "127.0.0.1", "port": server.port, "password": "a-key-that-signs-callbacks"}
    monkeypatch.setenv("AIRFLOW_CONN_FUNCTION_CALLBACKS", json.dumps(address))


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize(
    "event",
    [
        {"outcome": triggers.LATE},
        {"outcome": triggers.TRANSIENT, "message": "down"},
        {"outcome": triggers.PERMANENT, "message": "refused with 403"},
    ],
)
async def test_answer_in_the_store_counts_whatever_the_trigger_saw(
    server: Server, connect: Connect, context: Context, repeatable: bool, event: dict[str, Any]
) -> None:
    """A triggerer that was stopped looks too late, one with another key is refused; the function has run once."""
    task, _ = await accepted_task(server, connect, context, repeatable=repeatable)
    answer(context, f"{key_of(context)}-1", store_reply(Reply(200, b"7")))
    assert task.resume(context, event) == 7
    assert context["task_state_store"] == {}


@pytest.mark.parametrize(
    ("status", "seconds", "outcome"),
    [(200, -1, triggers.ARRIVED), (202, -1, triggers.LATE), (410, -1, triggers.LATE), (410, 300, triggers.LATE)],
)
async def test_late_trigger_looks_once(
    server: Server,
    connect: Connect,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    seconds: float,
    outcome: str,
) -> None:
    """Also where the token has expired since; then the store is looked into by the task itself."""
    _, trigger = await accepted_task(server, connect, context, timeout_seconds=seconds)
    use_server_as_api_server(server, monkeypatch)
    server.answers = [web.Response(status=status, headers={OURS_HEADER: "1"})]
    async with asyncio.timeout(20):
        assert await event_of(trigger) == {"outcome": outcome}


async def test_late_polling_asks_once(server: Server, connect: Connect, context: Context) -> None:
    """The gateway may have had the answer all the time."""
    accepted = web.Response(status=202, headers={"Location": "/status/1"})
    server.answers = [accepted, web.json_response(7)]
    task = operator(connect(server.port), mode=POLLING, timeout_seconds=-1)
    assert task.resume(context, await event_of(await run(task, context))) == 7


async def test_asking_again_is_no_second_run(server: Server, connect: Connect, context: Context) -> None:
    """A question that is answered 500 is asked again, also about a function that may not run twice."""
    accepted = web.Response(status=202, headers={"Location": "/status/1"})
    server.answers = [accepted, web.Response(status=500), web.json_response(7)]
    task = operator(connect(server.port), mode=POLLING, repeatable=False)
    assert task.resume(context, await event_of(await run(task, context))) == 7


async def test_call_that_the_trigger_takes_up_late_is_made(server: Server, connect: Connect, context: Context) -> None:
    """Its time begins when it is called: after an hour in the queue it is not late before it was made."""
    task = operator(connect(server.port), timeout_seconds=5)
    trigger = await run(task, context)
    with mock.patch("time.time", return_value=time.time() + 3600):
        event = await event_of(trigger)
    assert task.resume(context, event) == {"ok": True}


async def test_late_success_of_an_earlier_call_is_taken_before_another_is_made(
    server: Server, connect: Connect, context: Context
) -> None:
    """It is the same work; a late failure is not taken for the second call's."""
    task, _ = await accepted_task(server, connect, context)
    with pytest.raises(TransientError, match="did not answer"):
        task.resume(context, {"outcome": triggers.LATE})
    answer(context, f"{key_of(context)}-1", store_reply(Reply(200, b"7")))
    assert await run(task, context) == 7
    assert len(server.requests) == 1
    assert context["task_state_store"] == {}


@pytest.mark.parametrize("repeatable", [True, False])
async def test_answer_to_the_call_of_a_try_that_was_killed_while_it_called(
    server: Server, connect: Connect, context: Context, repeatable: bool
) -> None:
    """The gateway had taken it; that it was accepted could not be noted any more."""
    CallMemory(context["task_state_store"], key_of(context)).write(PendingCall())
    answer(context, f"{key_of(context)}-1", store_reply(Reply(200, b"7")))
    assert await run(operator(connect(server.port), mode=CALLBACK, repeatable=repeatable), context) == 7
    assert server.requests == []


async def test_late_failure_of_an_earlier_call_is_nothing(server: Server, connect: Connect, context: Context) -> None:
    """The second call is under way."""
    task, _ = await accepted_task(server, connect, context)
    with pytest.raises(TransientError):
        task.resume(context, {"outcome": triggers.LATE})
    answer(context, f"{key_of(context)}-1", store_reply(Reply(504, b"")))
    assert isinstance(await run(task, context), FunctionTrigger)
    assert len(server.requests) == 2


async def test_answer_posted_once_more_is_not_the_next_runs(server: Server, connect: Connect, context: Context) -> None:
    """The task ended well and was cleared: its function is called, and what is left in the store is not its answer."""
    task, _ = await accepted_task(server, connect, context)
    answer(context, f"{key_of(context)}-1", store_reply(Reply(200, b"7")))
    assert task.resume(context, {"outcome": triggers.ARRIVED}) == 7
    answer(context, f"{key_of(context)}-1", store_reply(Reply(200, b"7")))
    assert isinstance(await run(task, context), FunctionTrigger)
    assert len(server.requests) == 2


def cuts(context: Context, body: bytes | None) -> Any:
    """A gateway that takes a call and cuts the connection; the answer is posted a moment later, or never."""

    async def handle(request: web.Request) -> web.Response:
        call_id = request.headers["X-Call-Id"]
        if body is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(1.5, answer, context, call_id, store_reply(Reply(200, body)))
        request.transport.close()  # type: ignore[union-attr]
        return web.Response(status=202)

    return handle


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("deferrable", [True, False])
async def test_answer_counts_though_its_acceptance_was_lost(
    server: Server, connect: Connect, context: Context, repeatable: bool, deferrable: bool
) -> None:
    """The function was called once; its answer is the task's."""
    server.answers = [cuts(context, b"7")]
    task = operator(connect(server.port), mode=CALLBACK, repeatable=repeatable, deferrable=deferrable)
    assert await run(task, context) == 7
    assert len(server.requests) == 1


@pytest.mark.parametrize("repeatable", [True, False])
async def test_acceptance_that_stays_unknown_is_waited_for(
    server: Server, connect: Connect, context: Context, repeatable: bool
) -> None:
    """The call may be under way for longer than our retries of the gateway."""
    server.answers = [cuts(context, None)]
    task = operator(connect(server.port), mode=CALLBACK, repeatable=repeatable)
    call_retries = replace(quick_retries(), repeatable=repeatable)
    with (
        mock.patch("baton.functions.hook.LOST_SECONDS", 0.05),
        mock.patch.object(InvokeFunctionOperator, "_call_retries", return_value=call_retries),
    ):
        trigger = await run(task, context)
    assert isinstance(trigger, FunctionTrigger)
    answer(context, f"{key_of(context)}-1", store_reply(Reply(200, b"7")))
    assert task.resume(context, {"outcome": triggers.ARRIVED}) == 7


async def test_success_after_a_failure_counts(server: Server, connect: Connect, context: Context) -> None:
    """A gateway that runs a call again after its time was over posts 504 first."""
    task, _ = await accepted_task(server, connect, context)
    answer(context, f"{key_of(context)}-1", store_reply(Reply(504, b"")))
    good = store_reply(Reply(200, b"7"))
    asyncio.get_running_loop().call_later(0.5, answer, context, f"{key_of(context)}-1", good)
    assert await asyncio.to_thread(task.resume, context, {"outcome": triggers.ARRIVED}) == 7
    assert len(server.requests) == 1


UNUSABLE = [
    (r'{"a": "\u0000"}', "NUL"), (r'{"\u0000": 1}', "NUL"),
    (r'["\ud800"]', "surrogate"), (r'"\udfff\ud800"', "surrogate"),
    ("1e999", "too large"), ("-1e999", "too large"),
    (str(2**64), "64 bits"), (str(-(2**63) - 1), "64 bits"),
    ("[" * 200 + "]" * 200, "levels"), ('{"a":' * 200 + "1" + "}" * 200, "levels"),
    ('[{"__classname__": "x"}]', "Airflow's own"), ('{"__type": "x", "__var": 1}', "Airflow's own"),
    ("{", "not the JSON"), ("9" * 5000, "not the JSON"),
]  # fmt: skip


@pytest.mark.parametrize("mode", ["synchronous", CALLBACK])
@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize(("body", "words"), UNUSABLE)
async def test_answer_that_xcom_would_refuse_is_refused_with_words(
    server: Server, connect: Connect, context: Context, mode: str, repeatable: bool, body: str, words: str
) -> None:
    """Not by the database after the state is gone; no try follows, and what may not run twice is not called again."""
    server.answers = [web.json_response(text=body)]
    task = operator(connect(server.port), mode=mode, repeatable=repeatable)

    async def run_to_its_end() -> None:
        task.resume(context, await event_of(await run(task, context)))

    for _ in range(2):
        with pytest.raises(AirflowFailException, match=words if repeatable else "twice"):
            await run_to_its_end()
    assert len(server.requests) == (2 if repeatable else 1)


@pytest.mark.parametrize("body", [b"\0", b'{"a": "\0"}', b"\xff", "Größe".encode(), b"{}"])
def test_stored_reply_is_json_that_postgresql_takes(body: bytes) -> None:
    """Whatever bytes the function sent; they come back as they were."""
    stored = store_reply(Reply(200, body))
    assert "\\u0000" not in json.dumps(stored)
    assert load_reply(stored).body == body


def test_unknown_mode_is_refused_when_the_dag_is_parsed(tmp_path: Path) -> None:
    """Not in its first run."""
    with pytest.raises(ValueError, match="synchronous, callback, polling, forget"):
        operator("c", mode="async")


@pytest.mark.parametrize("payload", [{1, 2}, float("nan"), {"at": object()}])
async def test_payload_that_is_no_json_is_permanent(connect: Connect, context: Context, payload: object) -> None:
    """It would be none the next time either."""
    task = operator(connect(1))
    task.payload = payload
    with pytest.raises(AirflowFailException, match="no JSON"):
        await asyncio.to_thread(task.execute, context)
