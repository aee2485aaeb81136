"""The gateway behaves to its callers as OpenFaaS' does."""

import asyncio
import base64
import json
import time
from collections.abc import Callable

import aiohttp
import pytest
from tests.unit.local_stack.gateway.conftest import PASSWORD, Listener, StartGateway

ECHO = """
    import json
    def handle(event, context):
        print("a line for the log")
        shown = {"method": event.method, "path": event.path, "query": event.query, "body": event.body.decode()}
        return {"statusCode": 201, "body": {**shown, "headers": event.headers}, "headers": {"X-Own": "yes"}}
"""
SLEEP = """
    import os, time
    def handle(event, context):
        time.sleep(float(event.body))
        return str(os.getpid())
"""


async def until(question: Callable[[], object], seconds: float = 10) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)


async def test_function_sees_the_request_and_makes_the_answer(start_gateway: StartGateway) -> None:
    """Method, path, query, headers and body arrive; status, headers and JSON come back; the password does not."""
    gateway = await start_gateway({"echo": ECHO})
    async with gateway.client.put(
        f"{gateway.url}/function/echo/a/b?x=1", data="hi", headers={"X-Call-Id": "c1"}
    ) as got:
        assert (got.status, got.headers["X-Own"], got.headers["X-Call-Id"]) == (201, "yes", "c1")
        seen = await got.json()
    assert (seen["method"], seen["path"], seen["query"], seen["body"]) == ("PUT", "/a/b", {"x": "1"}, "hi")
    assert PASSWORD not in json.dumps(seen)


@pytest.mark.parametrize(
    ("function", "body", "status"),
    [
        ("raises", "", 500),
        ("dies", "", 502),
        ("missing", "", 404),
        ("sleep", "5", 504),
    ],
)
async def test_faults_have_their_status(start_gateway: StartGateway, function: str, body: str, status: int) -> None:
    """An error, a dead process, an unknown name, a function that takes too long; the next call is served."""
    functions = {
        "raises": "def handle(event, context):\n    raise ValueError('secret 4711')\n",
        "dies": "import os\ndef handle(event, context):\n    os._exit(1)\n",
        "sleep": SLEEP,
    }
    gateway = await start_gateway(functions, exec_timeout="500ms")
    async with gateway.client.post(f"{gateway.url}/function/{function}", data=body) as got:
        assert got.status == status
        assert "4711" not in await got.text()
    async with gateway.client.post(f"{gateway.url}/function/sleep", data="0") as got:
        assert got.status == 200


async def test_process_is_kept_and_never_shared(start_gateway: StartGateway) -> None:
    """Calls one after another find the same process, calls at once different ones, one too many is told to wait."""
    gateway = await start_gateway({"sleep": SLEEP}, max_inflight="2")

    async def call(seconds: str) -> tuple[int, str, str | None]:
        async with gateway.client.post(f"{gateway.url}/function/sleep", data=seconds) as got:
            return got.status, await got.text(), got.headers.get("Retry-After")

    assert await call("0") == await call("0")
    answers = await asyncio.gather(*(call("0.5") for _ in range(3)))
    assert sorted(status for status, _, _ in answers) == [200, 200, 429]
    assert len({pid for status, pid, _ in answers if status == 200}) == 2
    assert [wait for status, _, wait in answers if status == 429] == ["1"]


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Basic YWRtaW46d3Jvbmc=", "Bearer ü"])
async def test_nobody_gets_in_without_the_password(start_gateway: StartGateway, given: str | None) -> None:
    """Only the health check is open."""
    gateway = await start_gateway({"echo": ECHO})
    async with aiohttp.ClientSession(headers={"Authorization": given} if given else {}) as stranger:
        for path in ("/function/echo", "/async-function/echo", "/system/functions", "/nowhere"):
            async with stranger.post(gateway.url + path) as got:
                assert got.status == 401
        async with stranger.get(f"{gateway.url}/healthz") as got:
            assert got.status == 200


async def test_basic_authentication_and_the_list_of_functions(start_gateway: StartGateway) -> None:
    """As `faas-cli list` asks for them."""
    gateway = await start_gateway({"echo": ECHO})
    basic = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    async with aiohttp.ClientSession(headers={"Authorization": f"Basic {basic}"}) as client:
        async with client.get(f"{gateway.url}/system/functions") as got:
            assert [function["name"] for function in await got.json()] == ["echo"]


async def test_asynchronous_call_is_accepted_and_its_answer_posted(
    start_gateway: StartGateway, listener: Listener
) -> None:
    """The callback carries the function's status and body; one that is refused for now is posted again."""
    gateway = await start_gateway({"echo": ECHO})
    listener.refusals = 2
    headers = {"X-Callback-Url": listener.url, "X-Call-Id": "call-7"}
    async with gateway.client.post(f"{gateway.url}/async-function/echo", data="hi", headers=headers) as got:
        assert (got.status, got.headers["X-Call-Id"]) == (202, "call-7")
    await until(lambda: listener.received)
    [callback] = listener.received
    assert json.loads(callback.body)["body"] == "hi"
    assert callback.headers["X-Call-Id"] == "call-7"
    assert callback.headers["X-Function-Status"] == "201"


async def test_accepted_calls_survive_the_gateway(start_gateway: StartGateway, listener: Listener) -> None:
    """One that ran when the gateway ended, and those that waited, are made by the next gateway."""
    slow = {"sleep": SLEEP}
    first = await start_gateway(slow, max_inflight="1")
    for number in range(3):
        headers = {"X-Callback-Url": listener.url, "X-Call-Id": str(number)}
        async with first.client.post(f"{first.url}/async-function/sleep", data="0.3", headers=headers) as got:
            assert got.status == 202
    await first.runner.cleanup()
    assert listener.received == []
    await start_gateway(slow, max_inflight="1")
    await until(lambda: len(listener.received) == 3)
    assert [callback.headers["X-Call-Id"] for callback in listener.received] == ["0", "1", "2"]


async def test_delivery_goes_on_after_the_gateway_ended_without_a_second_call(
    start_gateway: StartGateway, listener: Listener
) -> None:
    """The answer was known; only its callback had not been taken."""
    sleep = {"sleep": SLEEP}
    first = await start_gateway(sleep)
    listener.refusals = 10**6
    before = listener.refusals
    async with first.client.post(
        f"{first.url}/async-function/sleep", data="0", headers={"X-Callback-Url": listener.url}
    ):
        await until(lambda: listener.refusals < before)
    await first.runner.cleanup()
    listener.refusals = 0
    second = await start_gateway(sleep)
    await until(lambda: listener.received)
    async with second.client.get(f"{second.url}/system/function/sleep") as got:
        assert (await got.json())["invocationCount"] == 0
