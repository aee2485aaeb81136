"""AWS Lambda, through the amazon provider and botocore, against a server that speaks the Invoke API."""

import asyncio
import json
from dataclasses import replace

import pytest
from aiohttp import web
from tests.unit.baton.functions.conftest import TOKEN, Connect, Server

from baton.exceptions import PermanentError
from baton.functions.call import Call, RefusedError, Reply, UnavailableError, result_of
from baton.functions.call_retries import CallRetries
from baton.functions.hook import FunctionHook

CALL = Call("adder", b'{"n": 1}', "k1", "k1-1", 5)


@pytest.fixture
def connection_id(server: Server, connect: Connect) -> str:
    """An `aws` connection to the server."""
    extra = {"endpoint_url": server.url, "region_name": "eu-central-1"}
    return connect(server.port, None, conn_type="aws", host="", login="AKIAEXAMPLE", extra=extra)


async def send(connection_id: str, call: Call = CALL, attempts: int = 1) -> Reply:
    """Make one call through the hook."""
    call_retries = CallRetries(attempts=attempts, seconds=5, first_pause_seconds=0.01)
    async with FunctionHook(connection_id, response_limit_bytes=1000) as hook:
        return await hook.call(call, call_retries)


@pytest.mark.parametrize(("asynchronous", "kind", "status"), [(False, "RequestResponse", 200), (True, "Event", 202)])
async def test_call_is_an_invocation(
    server: Server, connection_id: str, asynchronous: bool, kind: str, status: int
) -> None:
    """Signed, with the key in the payload, because asynchronous calls have no other place for it."""
    server.answers = [web.json_response({"sum": 3}, status=status)]
    call = Call("adder", b'{"n": 1}', "k1", "k1-1", 5, asynchronous=asynchronous)
    reply = await send(connection_id, call)
    [request] = server.requests
    assert request.path == "/2015-03-31/functions/adder/invocations"
    assert request.headers.get("X-Amz-Invocation-Type") == kind
    assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
    assert TOKEN not in str(request.headers)
    assert json.loads(request.body) == {"n": 1, "idempotency_key": "k1"}
    assert (reply.status, result_of(reply)) == (status, {"sum": 3})


@pytest.mark.parametrize(
    ("status", "headers", "error", "may_have_run"),
    [
        (404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, RefusedError, None),
        (400, {"x-amzn-ErrorType": "InvalidParameterValueException"}, RefusedError, None),
        (403, {"x-amzn-ErrorType": "AccessDeniedException"}, RefusedError, None),
        (429, {"x-amzn-ErrorType": "TooManyRequestsException", "Retry-After": "0"}, UnavailableError, False),
        (500, {"x-amzn-ErrorType": "ServiceException"}, UnavailableError, True),
        (200, {"X-Amz-Function-Error": "Unhandled"}, UnavailableError, True),
    ],
)
async def test_answers_of_the_api_are_sorted_like_all_others(
    server: Server,
    connection_id: str,
    status: int,
    headers: dict[str, str],
    error: type[Exception],
    may_have_run: bool | None,
) -> None:
    """botocore itself tries nothing again; the function's error text is not quoted."""
    body = json.dumps({"Message": "quoted nowhere", "errorMessage": "quoted nowhere"})
    server.answers = [web.Response(status=status, headers=headers, text=body, content_type="application/json")]
    async with FunctionHook(connection_id) as hook:
        with pytest.raises(error, match="adder") as caught:
            await hook.protocol.send(CALL)
    assert len(server.requests) == 1
    assert getattr(caught.value, "may_have_run", None) is may_have_run
    assert "quoted" not in str(caught.value)


async def test_throttled_call_is_made_again(server: Server, connection_id: str) -> None:
    """With Lambda's own Retry-After."""
    throttled = {"x-amzn-ErrorType": "TooManyRequestsException", "Retry-After": "0"}
    server.answers = [web.Response(status=429, headers=throttled), web.json_response(1)]
    assert result_of(await send(connection_id)) == 1


async def test_slow_calls_neither_wait_for_each_other_nor_for_the_event_loops_threads(
    server: Server, connection_id: str
) -> None:
    """More at once than the event loop has threads, none of which they take; one that is late is not waited for."""
    begun, release = [], asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        begun.append(request)
        await release.wait()
        return web.json_response(1)

    server.answers = [wait]
    call = replace(CALL, timeout_seconds=60)
    async with FunctionHook(connection_id) as hook:
        calls = [asyncio.create_task(hook.protocol.send(call)) for _ in range(40)]
        while len(begun) < 40:
            await asyncio.sleep(0.01)
        assert await asyncio.to_thread(lambda: "free") == "free"
        with pytest.raises(UnavailableError, match=r"within 0\.1 s"):
            await hook.protocol.send(replace(CALL, timeout_seconds=0.1))
        release.set()
        assert [reply.status for reply in await asyncio.gather(*calls)] == [200] * 40


async def test_large_answers_and_callbacks_are_refused(server: Server, connection_id: str) -> None:
    """Lambda posts no callbacks; the connection is named."""
    server.answers = [web.Response(text=json.dumps("x" * 2000))]
    with pytest.raises(RefusedError, match="more than 1000 bytes"):
        await send(connection_id)
    with pytest.raises(PermanentError, match=r"functions_test.*posts no callbacks"):
        await send(connection_id, Call("adder", b"{}", "k", "c", 5, asynchronous=True, callback_url="http://back"))


async def test_endpoint_that_is_down_has_surely_not_run_it(connect: Connect, unused_tcp_port: int) -> None:
    """So a repetition is safe."""
    extra = {"endpoint_url": f"http://127.0.0.1:{unused_tcp_port}", "region_name": "eu-central-1"}
    connection_id = connect(1, None, conn_type="aws", host="", login="AKIAEXAMPLE", extra=extra)
    async with FunctionHook(connection_id) as hook:
        with pytest.raises(UnavailableError) as caught:
            await hook.protocol.send(CALL)
    assert not caught.value.may_have_run


async def test_call_that_no_thread_took_says_so(server: Server, connection_id: str) -> None:
    """It was not made, so it may be made again; and its time begins when it is."""
    begun, release = asyncio.Event(), asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        begun.set()
        await release.wait()
        return web.json_response(1)

    server.answers = [wait]
    async with FunctionHook(connection_id, connections=1) as hook:
        first = asyncio.create_task(hook.protocol.send(replace(CALL, timeout_seconds=60)))
        await begun.wait()
        with pytest.raises(UnavailableError, match="was not called") as caught:
            await hook.protocol.send(replace(CALL, timeout_seconds=0.1))
        assert (caught.value.may_have_run, caught.value.lost) == (False, False)
        release.set()
        assert result_of(await first) == 1
    assert len(server.requests) == 1
