"""The route that functions post to: nothing gets in without our signature, and nothing makes it fall over."""

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from baton.functions.callback_tokens import (
    OURS_HEADER,
    TOKEN_HEADER,
    Callback,
    ExpiredTokenError,
    InvalidTokenError,
    Signer,
)
from baton.functions.callbacks_app import LARGEST_BODY_BYTES, CallbackRoute, make_app
from baton.functions.stored_reply import load_reply, supersedes

KEYS = ["the-key-of-today", "the-key-of-yesterday"]
CALLBACK = Callback("d", "manual__2026-11-22T03:00:00+00:00", "t", -1, "call-1", 4102444800, 1000)


class RunIsGone(Exception):
    """What the store raises for a deleted run."""


class Answers:
    """A store in memory that keeps the first answer, as Airflow's does."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.fault: Exception | None = None

    def has(self, callback: Callback) -> bool:
        return callback.call_id in self.kept

    def put(self, callback: Callback, stored: dict[str, Any]) -> bool:
        if self.fault:
            raise self.fault
        json.dumps(stored)
        earlier = self.kept.get(callback.call_id)
        if earlier is None or supersedes(stored, earlier):
            self.kept[callback.call_id] = stored
        return self.kept[callback.call_id] is stored


answers = Answers()
app = make_app(CallbackRoute(answers, lambda: Signer(KEYS), RunIsGone))


@pytest.fixture(autouse=True)
def _empty() -> None:
    answers.kept.clear()
    answers.fault = None


async def request(method: str, token: str, **options: Any) -> httpx.Response:
    """Ask the app, through its whole stack."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://airflow") as client:
        return await client.request(method, f"/v1/callbacks/{token}", **options)


async def ask(token: str) -> httpx.Response:
    """Ask whether the answer is there, as the triggerer does."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://airflow") as client:
        return await client.get("/v1/callbacks", headers={TOKEN_HEADER: token})


def sign(callback: Callback = CALLBACK, key: str = KEYS[0]) -> str:
    return Signer([key]).sign(callback)


async def test_answer_is_kept_once() -> None:
    """A second one, as of a gateway that sends again, changes nothing and is told that all is well."""
    token = sign()
    assert (await ask(token)).status_code == 202
    first = await request("POST", token, content=b'{"n": 1}', headers={"X-Function-Status": "200"})
    again = await request("POST", token, content=b'{"n": 2}')
    assert (first.status_code, again.status_code) == (204, 204)
    assert load_reply(answers.kept["call-1"]).body == b'{"n": 1}'
    asked = await ask(token)
    assert (asked.status_code, asked.content) == (200, b"")


@pytest.mark.parametrize("body", [b"", b"\x00", b"\xff\xfe", "žluť".encode(), b'{"a": "\\u0000"}'])
async def test_bytes_survive(body: bytes) -> None:
    """Text or not."""
    await request("POST", sign(), content=body, headers={"X-Function-Status": "500"})
    reply = load_reply(answers.kept["call-1"])
    assert (reply.status, reply.body) == (500, body)


async def test_key_of_before_is_accepted_while_it_is_named() -> None:
    """Calls that were under way when the key was changed get their answers."""
    assert (await request("POST", sign(key=KEYS[1]))).status_code == 204
    assert (await request("POST", sign(replace(CALLBACK, call_id="x"), key="a-key-of-others"))).status_code == 403


@pytest.mark.parametrize(
    ("change", "options", "status"),
    [
        ({"expires_at": int(time.time()) - 1}, {}, 410),
        ({}, {"content": b"x" * 1001}, 413),
        ({"limit_bytes": 10 * LARGEST_BODY_BYTES}, {"content": b"x" * (LARGEST_BODY_BYTES + 1)}, 413),
        ({}, {"headers": {"X-Function-Status": "fine"}}, 400),
        ({}, {"headers": {"X-Function-Status": "99"}}, 400),
    ],
)
async def test_refusals_have_their_status(change: dict[str, int], options: dict[str, Any], status: int) -> None:
    """All of them mean: do not send this again."""
    answer = await request("POST", sign(replace(CALLBACK, **change)), **options)
    assert answer.status_code == status


async def test_answer_that_does_not_come_is_wanted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is not held for ever, and nothing is kept of half an answer."""
    monkeypatch.setattr("baton.functions.callbacks_app.PATIENCE_SECONDS", 0.05)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    response = await request("POST", sign(), content=never())
    assert (response.status_code, "Retry-After" in response.headers) == (503, True)
    assert not answers.kept


async def test_answer_that_is_too_large_fails_the_waiting_task_at_once() -> None:
    """Instead of letting it wait for its time to be over."""
    await request("POST", sign(), content=b"x" * 1001)
    assert answers.kept == {"call-1": {"too_large": 1000}}


@pytest.mark.parametrize(
    ("fault", "status"),
    [(RunIsGone("r"), 410), (OperationalError("", {}, Exception("down")), 503), (OSError("down"), 503)],
)
async def test_faults_of_the_store_say_whether_to_send_again(fault: Exception, status: int) -> None:
    """A database that restarts loses no answer: the gateway posts it again."""
    answers.fault = fault
    assert (await request("POST", sign(), content=b"1")).status_code == status


_valid = sign()
_parts = st.sampled_from([*_valid.split("."), "", "e30", "W10", "bnVsbA", "A" * 5000])
_tokens = st.one_of(
    st.text(min_size=1),
    st.builds(lambda a, b: f"{a}.{b}", _parts, _parts),
    st.builds(
        lambda at, letter: _valid[:at] + letter + _valid[at + 1 :],
        st.integers(0, len(_valid) - 1),
        st.characters(codec="utf-8"),
    ),
    st.builds(lambda at: _valid[:at], st.integers(0, len(_valid) - 1)),
)
_header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=_tokens, body=st.binary(max_size=50), status=_header_text, method=st.sampled_from(["POST", "GET", "PUT"]))
async def test_nothing_is_kept_without_a_signature(token: str, body: bytes, status: str, method: str) -> None:
    """Whatever token, body and headers come: no error of ours, and nothing is kept."""
    answers.kept.clear()
    headers = [(b"x-function-status", status.encode("latin-1")), (b"content-type", status.encode("latin-1"))]
    answer = await request(method, quote(token, safe=""), content=body, headers=headers)
    still_valid = token == _valid
    assert answer.status_code in ({204, 400, 405} if still_valid else {403, 404, 405})
    assert still_valid or answers.kept == {}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=1200), status=_header_text, kind=_header_text)
async def test_signed_answers_never_make_an_error(body: bytes, status: str, kind: str) -> None:
    """Whatever a function says: it is kept as it is, or refused."""
    answers.kept.clear()
    headers = [(b"x-function-status", status.encode("latin-1")), (b"content-type", kind.encode("latin-1"))]
    answer = await request("POST", _valid, content=body, headers=headers)
    assert answer.status_code in (204, 400, 413)
    if answer.status_code == 204:
        assert load_reply(answers.kept["call-1"]).body == body


@given(
    st.builds(
        Callback,
        st.text(),
        st.text(),
        st.text(),
        st.integers(-1, 9),
        st.text(),
        st.integers(0, 4102444800),
        st.integers(),
    )
)
def test_token_means_what_was_signed(callback: Callback) -> None:
    """And expires when it says."""
    signer = Signer(KEYS)
    token = signer.sign(callback)
    assert signer.read(token, callback.expires_at) == callback
    with pytest.raises(ExpiredTokenError):
        signer.read(token, callback.expires_at + 1)
    with pytest.raises(InvalidTokenError):
        Signer(["another-key"]).read(token, 0)


@pytest.mark.parametrize("keys", [[], [""], ["good", ""]])
def test_empty_key_signs_nothing(keys: list[str]) -> None:
    """Everybody would know it."""
    with pytest.raises(ValueError, match="key"):
        Signer(keys)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The route behind a real HTTP server."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


BODY = b'{"sum": 12, "of": [5, 7]}'
CHUNKS = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (BODY[:9], BODY[9:], b""))


@pytest.mark.parametrize("by_reset", [False, True])
@pytest.mark.parametrize(
    ("head", "body"),
    [(b"Content-Length: %d" % len(BODY), BODY), (b"Transfer-Encoding: chunked", CHUNKS)],
    ids=["length", "chunks"],
)
def test_posted_answer_that_was_cut_is_not_kept(port: int, head: bytes, body: bytes, by_reset: bool) -> None:
    """At whatever byte; its sender has got no 204 and posts it again."""
    start = b"POST /v1/callbacks/%s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % (_valid.encode(), head)
    request = start + body
    for at in [*range(0, len(start), 7), *range(len(start), len(request))]:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request[:at])
            if by_reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with socket.create_connection(("127.0.0.1", port)) as connection:  # answered after the others were
        connection.sendall(start)
        time.sleep(0.2)
        assert answers.kept == {}
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 204")
    assert load_reply(answers.kept["call-1"]).body == BODY


async def test_success_takes_the_place_of_a_failure() -> None:
    """A gateway that ran the call again posts both; no failure takes the place of anything, nor a second success."""
    for status, body in ((504, b"1"), (500, b"2"), (200, b"3"), (200, b"4"), (500, b"5")):
        posted = await request("POST", _valid, content=body, headers={"X-Function-Status": str(status)})
        assert posted.status_code == 204
    assert load_reply(answers.kept["call-1"]).body == b"3"


async def test_address_asks_nothing() -> None:
    """Only the token in the header does; every answer of ours can be told from a proxy's."""
    assert (await request("GET", _valid)).status_code == 405
    assert OURS_HEADER in (await ask(_valid)).headers
    assert OURS_HEADER in (await ask("x")).headers
