"""An answer that was cut is no answer, at whatever byte: against a raw socket on loopback, through each client."""

import gzip
import json

import pytest
from tests.unit.baton.functions.conftest import Connect
from tests.unit.baton.functions.cut_server import CutServer

from baton.functions.call import Call, UnavailableError, result_of
from baton.functions.call_retries import CallRetries
from baton.functions.hook import FunctionHook
from baton.functions.truncated_answer import TruncatedAnswerError, unpack

CALL = Call("f", b'{"n": 1}', "k1", "k1-1", 5)
BODY = b'{"sum": 12, "of": [5, 7]}'
EVENT = json.dumps({"specversion": "1.0", "id": "a", "source": "s", "type": "t", "data": json.loads(BODY)}).encode()
STATUS = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
ZIPPED = gzip.compress(BODY, mtime=0)


def with_length(body: bytes, kind: bytes = b"application/json", more: bytes = b"") -> bytes:
    """An answer that says how long it is."""
    return STATUS + b"Content-Type: %s\r\n%sContent-Length: %d\r\n\r\n" % (kind, more, len(body)) + body


def in_chunks(body: bytes) -> bytes:
    """The same in chunks of nine bytes."""
    pieces = [body[at : at + 9] for at in range(0, len(body), 9)] + [b""]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return STATUS + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks


ANSWERS = {
    "length": with_length(BODY),
    "number": with_length(b"123456"),
    "text": with_length(b"plain words", b"text/plain"),
    "chunks": in_chunks(BODY),
    "gzip": with_length(ZIPPED, more=b"Content-Encoding: gzip\r\n"),
    "until closed": STATUS + b"Content-Type: application/json\r\n\r\n" + BODY,
    "until closed, untyped": STATUS + b"\r\n" + BODY,
}


async def send(connection_id: str) -> object:
    """Make one call; its result."""
    async with FunctionHook(connection_id) as hook:
        return result_of(await hook.protocol.send(CALL))


def aws(connect: Connect, port: int) -> str:
    """A connection to Lambda at a port."""
    extra = {"endpoint_url": f"http://127.0.0.1:{port}", "region_name": "eu-central-1"}
    return connect(port, None, conn_type="aws", host="", login="AKIAEXAMPLE", extra=extra)


@pytest.mark.parametrize("by_reset", [False, True])
@pytest.mark.parametrize("name", ANSWERS)
async def test_answer_cut_anywhere_may_have_run_and_is_no_result(connect: Connect, name: str, by_reset: bool) -> None:
    """At every byte, through a gateway's client; whole it is the result."""
    expected = {"number": 123456, "text": "plain words"}.get(name, json.loads(BODY))
    with CutServer(ANSWERS[name], by_reset=by_reset) as server:
        await _cut_everywhere(server, connect(server.port), expected)


@pytest.mark.parametrize("by_reset", [False, True])
@pytest.mark.parametrize("name", ["length", "number", "chunks"])
async def test_answer_of_lambda_cut_anywhere_is_no_result(connect: Connect, name: str, by_reset: bool) -> None:
    """botocore reads another way: it takes headers that end in their middle, and a short body, for whole."""
    expected = 123456 if name == "number" else json.loads(BODY)
    with CutServer(ANSWERS[name], by_reset=by_reset) as server:
        # urllib3 does not wait for the empty line after the chunk of no bytes, which ends the body.
        data_end = len(server.answer) - (len(b"0\r\n\r\n") - 1 if name == "chunks" else 0)
        await _cut_everywhere(server, aws(connect, server.port), expected, data_end)


async def _cut_everywhere(server: CutServer, connection_id: str, expected: object, end: int | None = None) -> None:
    async with FunctionHook(connection_id) as hook:
        for at in range(end or len(server.answer)):
            server.at = at
            with pytest.raises(UnavailableError) as caught:
                await hook.protocol.send(CALL)
            assert (caught.value.may_have_run, caught.value.lost) == (True, True), at
        server.at, server.by_reset = len(server.answer), False
        assert result_of(await hook.protocol.send(CALL)) == expected


def test_compressed_answer_that_was_cut_before_it_was_framed() -> None:
    """By a proxy that sends on what it has, with a length of its own."""
    for at in range(len(ZIPPED)):
        with pytest.raises(TruncatedAnswerError):
            unpack(ZIPPED[:at], "gzip", 1000)
    assert unpack(ZIPPED, "gzip", 1000) == BODY
    assert unpack(gzip.compress(bytes(10**6)), "gzip", 1000) == bytes(1001)  # no more than is asked for is unpacked


@pytest.mark.parametrize("at", [20, 60, 100, -3])
async def test_event_that_was_cut_is_no_event(connect: Connect, at: int) -> None:
    """Of a Knative service."""
    answer = with_length(EVENT, b"application/cloudevents+json")
    with CutServer(answer, len(answer) + at if at < 0 else at) as server, pytest.raises(UnavailableError):
        await send(connect(server.port, "cloudevents-structured"))


@pytest.mark.parametrize("body", [b"", b"12", b"words", b'{"a":'])
async def test_answer_whose_end_nothing_shows_is_not_believed(connect: Connect, body: bytes) -> None:
    """No Content-Length, no chunks, and no JSON that closes itself: a cut one would look the same."""
    answer = STATUS + b"\r\n" + body
    with CutServer(answer, len(answer)) as server, pytest.raises(UnavailableError, match="no Content-Length"):
        await send(connect(server.port))


async def test_cut_answer_is_asked_for_again(connect: Connect) -> None:
    """Under the same key; the second, whole answer is the result."""
    answer = ANSWERS["length"]
    with CutServer(answer, len(answer) - 3, then=answer) as server:
        async with FunctionHook(connect(server.port)) as hook:
            reply = await hook.call(CALL, CallRetries(attempts=2, seconds=5, first_pause_seconds=0.01))
    assert result_of(reply) == json.loads(BODY)
    assert [b"Idempotency-Key: k1\r\n" in request for request in server.requests] == [True, True]
