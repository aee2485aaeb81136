"""What goes over the wire for each kind of gateway, and what becomes of the answers."""

import asyncio
import json
import logging
import os
import signal
import ssl
import subprocess
import sys
import textwrap
from email.utils import formatdate
from pathlib import Path
from unittest import mock

import pytest
import trustme
from aiohttp import web
from tests.unit.baton.functions.conftest import TOKEN, Connect, Server

from baton.exceptions import PermanentError
from baton.functions.call import Call, OutcomeUnknownError, RefusedError, Reply, UnavailableError, result_of
from baton.functions.call_retries import CallRetries
from baton.functions.hook import FunctionHook, address_of
from baton.functions.http_protocol import _origin, retry_after_seconds

ONCE = CallRetries(attempts=1)
QUICK = CallRetries(attempts=3, seconds=5, first_pause_seconds=0.01)


def a_call(**fields: object) -> Call:
    """A call with a small body."""
    return Call(
        **{"function": "sum up", "body": b'{"n": 1}', "key": "k1", "call_id": "k1-1", "timeout_seconds": 5, **fields}
    )


async def send(connection_id: str, call: Call, call_retries: CallRetries = ONCE, **options: int) -> Reply:
    """Make one call through the hook."""
    async with FunctionHook(connection_id, **options) as hook:
        return await hook.call(call, call_retries)


@pytest.mark.parametrize(
    ("protocol", "asynchronous", "path", "headers"),
    [
        ("openfaas", False, "/function/sum%20up", {}),
        ("openfaas", True, "/async-function/sum%20up", {"X-Callback-Url": "http://back/1"}),
        ("bearer", False, "/sum%20up", {}),
        ("bearer", True, "/sum%20up", {"Prefer": "respond-async", "X-Callback-Url": "http://back/1"}),
        ("cloudevents", False, "/sum%20up", {"ce-id": "k1", "ce-specversion": "1.0", "ce-subject": "sum%20up"}),
        ("cloudevents", True, "/sum%20up", {"ce-id": "k1", "Prefer": "respond-async"}),
    ],
)
async def test_request_is_what_the_gateway_wants(
    server: Server, connect: Connect, protocol: str, asynchronous: bool, path: str, headers: dict[str, str]
) -> None:
    """Path, headers, body and credentials; the idempotency key goes with each call."""
    call = a_call(asynchronous=asynchronous, callback_url="http://back/1" if asynchronous else None)
    reply = await send(connect(server.port, protocol), call)
    [request] = server.requests
    assert (request.method, request.body) == ("POST", b'{"n": 1}')
    assert request.path == path.replace("%20", " ")
    expected = {**headers, "Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k1", "X-Call-Id": "k1-1"}
    assert {name: request.headers.get(name) for name in expected} == expected
    assert result_of(reply) == {"ok": True}


async def test_login_and_password_make_basic_authentication(server: Server, connect: Connect) -> None:
    """As OpenFaaS' gateway wants it."""
    await send(connect(server.port, "openfaas", login="admin", password="x:y"), a_call())
    assert server.requests[0].headers["Authorization"] == "Basic YWRtaW46eDp5"


async def test_structured_event_holds_attributes_and_data(server: Server, connect: Connect) -> None:
    """One JSON document; an answer in the same form is unwrapped."""
    event = {"specversion": "1.0", "id": "a", "source": "s", "type": "t", "data": {"sum": 3}}
    server.answers = [web.json_response(event, content_type="application/cloudevents+json")]
    reply = await send(connect(server.port, "cloudevents-structured", extra={"source": "/shop"}), a_call())
    sent = json.loads(server.requests[0].body)
    assert (sent["id"], sent["source"], sent["data"]) == ("k1", "/shop", {"n": 1})
    assert server.requests[0].headers["Content-Type"].startswith("application/cloudevents+json")
    assert result_of(reply) == {"sum": 3}


@pytest.mark.parametrize(
    ("data", "result"),
    [
        ({}, None),
        ({"data": None}, None),
        ({"data_base64": "eyJzdW0iOiAzfQ==", "datacontenttype": "application/json"}, {"sum": 3}),
    ],
)
async def test_event_may_have_no_data_or_bytes(
    server: Server, connect: Connect, data: dict[str, object], result: object
) -> None:
    """Both are CloudEvents; in the binary mode the data are the body."""
    event = {"specversion": "1.0", "id": "a", "source": "s", "type": "t", **data}
    server.answers = [web.json_response(event, content_type="application/cloudevents+json")]
    assert result_of(await send(connect(server.port, "cloudevents-structured"), a_call())) == result
    server.answers = [web.json_response({"sum": 3}, headers={"ce-id": "a", "ce-specversion": "1.0"})]
    assert result_of(await send(connect(server.port, "cloudevents"), a_call())) == {"sum": 3}


@pytest.mark.parametrize("body", ["[]", "{", '{"data_base64": "?"}', '{"data_base64": 1}', "[" * 60_000])
async def test_answer_that_is_no_event_is_refused(server: Server, connect: Connect, body: str) -> None:
    """Its Content-Type said that it is one."""
    server.answers = [web.Response(text=body, content_type="application/cloudevents+json")]
    with pytest.raises(RefusedError, match="not the CloudEvent"):
        await send(connect(server.port, "cloudevents-structured"), a_call())


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"host": "gw", "port": None}, "http://gw"),
        ({"host": "gw", "schema": "https", "port": 8443}, "https://gw:8443"),
        ({"host": "https://workspace.gateway/", "port": None}, "https://workspace.gateway"),
        ({"host": "http://gw/base/path", "port": 8080}, "http://gw:8080/base/path"),
    ],
)
def test_address_is_read_from_the_connection(fields: dict[str, object], address: str) -> None:
    """The ways in which people write one."""
    from types import SimpleNamespace

    assert address_of(SimpleNamespace(**{"conn_id": "c", "schema": None, **fields})) == address


async def test_host_can_name_the_function(server: Server, connect: Connect) -> None:
    """Knative has a host for each service."""
    await send(connect(server.port, "cloudevents", host="127.0.0.1", extra={}), a_call())
    async with FunctionHook(connect(8080, "cloudevents", host="http://{function}.shop.example")) as hook:
        assert hook.protocol.url(a_call(function="adder")) == "http://adder.shop.example:8080"  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 413, 422])
async def test_refusals_are_permanent_and_quote_nothing(server: Server, connect: Connect, status: int) -> None:
    """One request, no token and no word of the answer in the error; a redirection is not followed."""
    echo = web.Response(status=status, text=f"you sent {TOKEN}", headers={"Location": "http://127.0.0.1:1/"})
    server.answers = [echo]
    with pytest.raises(RefusedError, match=str(status)) as caught:
        await send(connect(server.port), a_call(), QUICK)
    assert len(server.requests) == 1
    assert TOKEN not in str(caught.value)
    assert "you sent" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "repeatable", "requests"),
    [
        (429, True, 2),
        (500, True, 2),
        (503, True, 2),
        (429, False, 2),  # it was not let in
        (500, False, 1),  # it may have done its work
        (504, False, 1),
    ],
)
async def test_repeats_only_where_that_is_safe(
    server: Server, connect: Connect, first: int, repeatable: bool, requests: int
) -> None:
    """A function that must not run twice is called again only when the first call surely did not run."""
    server.answers = [web.Response(status=first), web.json_response(1)]
    call_retries = CallRetries(attempts=3, seconds=5, first_pause_seconds=0.01, repeatable=repeatable)
    if requests == 1:
        with pytest.raises(OutcomeUnknownError, match="may have run"):
            await send(connect(server.port), a_call(), call_retries)
    else:
        assert result_of(await send(connect(server.port), a_call(), call_retries)) == 1
    assert len(server.requests) == requests
    assert len({request.headers["Idempotency-Key"] for request in server.requests}) == 1


async def test_waits_as_long_as_it_is_told(server: Server, connect: Connect) -> None:
    """Retry-After wins over our own pause; 429 does not count as a failed attempt."""
    busy = web.Response(status=429, headers={"Retry-After": "0"})
    server.answers = [busy] * 8 + [web.json_response(1)]
    await send(connect(server.port), a_call(), CallRetries(attempts=2, seconds=5, first_pause_seconds=60))
    assert len(server.requests) == 9


async def test_busy_gateway_is_asked_less_and_less_often(server: Server, connect: Connect) -> None:
    """One that says 429 and no time, as OpenFaaS does: else many tasks that wait would keep it busy."""
    server.answers = [*[web.Response(status=429)] * 8, web.json_response(1)]
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    with mock.patch("baton.functions.call_retries.asyncio.sleep", sleep):
        assert result_of(await send(connect(server.port), a_call(), CallRetries(attempts=1))) == 1
    assert len(pauses) == 8
    assert pauses[0] <= 0.5
    assert all(15 <= pause <= 30 for pause in pauses[6:])


@pytest.mark.parametrize("status", [502, 503])
async def test_cold_start_is_waited_for(server: Server, connect: Connect, status: int) -> None:
    """For as long as retries may take, not for a number of attempts; told to come back at once, we do not hammer."""
    server.answers = [*[web.Response(status=status, headers={"Retry-After": "0"})] * 12, web.json_response(1)]
    call_retries = CallRetries(attempts=2, seconds=300)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    with mock.patch("baton.functions.call_retries.asyncio.sleep", sleep):
        assert result_of(await send(connect(server.port), a_call(), call_retries)) == 1
    assert len(pauses) == 12
    assert pauses[0] >= 0.25
    assert sum(pauses) > 120


@pytest.mark.parametrize("status", [500, 504])
async def test_function_that_fails_is_not_called_for_ever(server: Server, connect: Connect, status: int) -> None:
    """It runs each time."""
    server.answers = [web.Response(status=status)]
    with pytest.raises(UnavailableError, match=str(status)):
        await send(connect(server.port), a_call(), QUICK)
    assert len(server.requests) == 3


async def test_gateway_that_restarts_is_waited_for(connect: Connect, unused_tcp_port: int) -> None:
    """No connection is no attempt; the call is made when there is one."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(1)

    async def start() -> web.AppRunner:
        await asyncio.sleep(1)
        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
        return runner

    starting = asyncio.create_task(start())
    call_retries = CallRetries(attempts=1, seconds=20, first_pause_seconds=0.1, repeatable=False)
    assert result_of(await send(connect(unused_tcp_port), a_call(), call_retries)) == 1
    await (await starting).cleanup()


async def test_longer_waits_than_patience_are_left_to_airflow(server: Server, connect: Connect) -> None:
    """Told to come back in an hour, a task does not hold on for an hour."""
    server.answers = [web.Response(status=503, headers={"Retry-After": "3600"})]
    began = asyncio.get_running_loop().time()
    with pytest.raises(Exception, match="answered 503"):
        await send(connect(server.port), a_call(), QUICK)
    assert asyncio.get_running_loop().time() - began < 3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("1.5", 2.0), ("0.001", 1.0), ("9" * 400 + ".5", float("inf")), ("9" * 400, float("inf")),
     ("1.", None), ("1,5", None), ("1e3", None), ("inf", None), ("soon", None), ("-5", None), ("²", None), ("", None),
     (None, None), (formatdate(1060, usegmt=True), 60.0), (formatdate(1, usegmt=True), 0.0),
     ("Mon, 01 Jan 99999999999999 00:00:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """What cannot be read is as good as not said."""
    assert retry_after_seconds(header, 1000.0) == seconds


async def cut(request: web.Request) -> web.StreamResponse:
    """Begin an answer and close the connection in its middle."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"{")
    request.transport.close()  # type: ignore[union-attr]
    return response


async def hang(request: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.sleep(30)
    return web.Response()


@pytest.mark.parametrize(("answer", "words"), [(cut, "was cut"), (hang, "did not answer within 0.5 s")])
async def test_lost_answers_may_have_run(server: Server, connect: Connect, answer: object, words: str) -> None:
    """A cut connection and silence are worth a retry, with the same key."""
    server.answers = [answer]  # type: ignore[list-item]
    async with FunctionHook(connect(server.port)) as hook:
        with pytest.raises(UnavailableError, match=words) as caught:
            await hook.protocol.send(a_call(timeout_seconds=0.5))
    assert caught.value.may_have_run


STOPPED = """
    import asyncio, sys
    from baton.functions.call import result_of
    from tests.unit.baton.functions.test_protocols import a_call
    from baton.functions.hook import FunctionHook
    async def main():
        async with FunctionHook("functions_test") as hook:
            print(result_of(await hook.protocol.send(a_call(timeout_seconds=1))))
    asyncio.run(main())
"""


async def test_process_that_is_stopped_takes_what_came_in_time(server: Server, connect: Connect) -> None:
    """As a triggerer on a busy node: its clock says that the time is over, its socket holds the answer."""
    came = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        came.set()
        await asyncio.sleep(0.5)
        return web.json_response({"sum": 3})

    server.answers = [answer]
    connect(server.port)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["plugins", "include", "."])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(STOPPED), env=environment, stdout=subprocess.PIPE
    )
    await came.wait()
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(4)
    process.send_signal(signal.SIGCONT)
    out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"{'sum': 3}\n")
    assert len(server.requests) == 1


async def test_gateway_that_is_down_has_surely_not_run_it(connect: Connect, unused_tcp_port: int) -> None:
    """So even a function that must not run twice is called again."""
    async with FunctionHook(connect(unused_tcp_port)) as hook:
        with pytest.raises(UnavailableError, match="cannot be reached") as caught:
            await hook.protocol.send(a_call())
    assert not caught.value.may_have_run


async def test_certificate_that_nobody_trusts_is_said_and_not_tried_again(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the word that mends it; with it, the call goes through."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(3)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    try:
        for extra in ({}, {"ca_file": str(tmp_path / "ca.pem")}):
            address = f"https://localhost:{port}"
            connection = {"conn_type": "http", "host": address, "extra": {"protocol": "bearer", **extra}}
            monkeypatch.setenv("AIRFLOW_CONN_TLS", json.dumps(connection))
            if extra:
                assert (await send("tls", a_call(), QUICK)).body == b"3"
            else:
                with pytest.raises(RefusedError, match=r"certificate is not trusted.*ca_file"):
                    await send("tls", a_call(), QUICK)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://127.0.0.1"])
async def test_address_of_another_kind_is_not_tried_again(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never becomes one of HTTP."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_ODD", json.dumps({"conn_type": "http", "host": address, "extra": {"protocol": "bearer"}})
    )
    with pytest.raises(PermanentError, match="address"):
        await send("odd", a_call(), QUICK)


async def test_large_answers_are_refused_before_they_are_read(server: Server, connect: Connect) -> None:
    """An endless one too: its length is not believed, its bytes are counted."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    server.answers = [endless]
    with pytest.raises(RefusedError, match="more than 1000 bytes"):
        await send(connect(server.port), a_call(), QUICK, response_limit_bytes=1000)


@pytest.mark.parametrize(
    ("body", "kind", "result"),
    [(b'{"a": [1]}', "application/json", {"a": [1]}), (b"plain words", "text/plain", "plain words"), (b"", "", None),
     (b"NaN", "text/plain", "NaN"), (b'\xef\xbb\xbf{"a": 1}', "application/json", {"a": 1}),
     ("Größe".encode("latin-1"), "text/plain; charset=ISO-8859-1", "Größe"),
     ('"Größe"'.encode("utf-16"), 'application/json; charset="utf-16"', "Größe")],
)  # fmt: skip
def test_result_is_json_else_text(body: bytes, kind: str, result: object) -> None:
    """What comes back is what XCom takes."""
    assert result_of(Reply(200, body, kind)) == result


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"\xff\xfe", "text/plain"),
        (b"NaN", "application/json"),
        (b"[" * 60_000, "application/json"),
        (b"abc", "text/plain; charset=nonsense"),
        (b"616263", "text/plain; charset=hex"),
        (b"abc", "text/plain; charset=\x00"),
    ],
)
def test_other_results_are_refused(body: bytes, kind: str) -> None:
    """Half a document, bytes, what only Python calls JSON, and what is nested without end."""
    with pytest.raises(RefusedError):
        result_of(Reply(200, body, kind))


async def test_status_is_asked_at_the_gateway_only(server: Server, connect: Connect) -> None:
    """A Location on another host would get the token."""
    connection_id = connect(server.port)
    server.answers = [web.Response(status=202), web.json_response({"done": 1})]
    async with FunctionHook(connection_id) as hook:
        assert await hook.ask(a_call(), "/status/7", ONCE) is None
        reply = await hook.ask(a_call(), f"{server.url}/status/7", ONCE)
        assert reply is not None
        assert result_of(reply) == {"done": 1}
        for elsewhere in (
            "http://evil.example/status",
            "//evil.example/status",
            f"http://127.0.0.1:{server.port + 1}/x",
        ):
            with pytest.raises(RefusedError, match="another host"):
                await hook.ask(a_call(), elsewhere, ONCE)
        for none in ("http://[::1", f"http://127.0.0.1:{10**6}/status"):
            with pytest.raises(RefusedError, match="that is none"):
                await hook.ask(a_call(), none, ONCE)
    assert [request.method for request in server.requests] == ["GET", "GET"]


def test_default_port_of_a_status_address_may_be_written_out() -> None:
    """It is the same host."""
    assert _origin("https://gateway.example:443/status/7") == _origin("https://Gateway.example/f")
    assert _origin("https://gateway.example:80/status/7") != _origin("https://gateway.example/f")


@pytest.mark.parametrize("fields", [{"protocol": None}, {"protocol": "soap"}, {"host": ""}])
async def test_wrong_connection_is_said_clearly(connect: Connect, fields: dict[str, str]) -> None:
    """With its name and what to set."""
    with pytest.raises(PermanentError, match="functions_test"):
        await send(connect(1, **fields), a_call())


@pytest.mark.parametrize(
    ("fields", "different", "words"),
    [
        ({"password": f"{TOKEN}\n"}, {}, "has a line break"),
        ({}, {"key": "k\r\nX-Other: 1"}, "has a line break"),
        ({"extra": {"ca_file": "/no/such/file"}}, {}, "/no/such/file cannot be read"),
        ({}, {"function": ".."}, "'..' is not the name"),
        ({}, {"function": ""}, "'' is not the name"),
    ],
)
async def test_what_cannot_be_sent_is_permanent(
    server: Server, connect: Connect, fields: dict[str, object], different: dict[str, object], words: str
) -> None:
    """A secret mounted with its newline, a template that gave nothing; the token is not quoted."""
    with pytest.raises(PermanentError, match=words) as caught:
        await send(connect(server.port, **fields), a_call(**different), QUICK)
    assert server.requests == []
    assert TOKEN not in str(caught.value)


async def test_token_reaches_no_log(server: Server, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """At any level, also when calls fail."""
    caplog.set_level(logging.DEBUG)
    server.answers = [web.Response(status=500), web.json_response(1)]
    await send(connect(server.port), a_call(), QUICK)
    assert "answered 500" in caplog.text
    assert TOKEN not in caplog.text
