"""Many items: each is sent, none is sent without need, and what fails is named."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from aiohttp import web
from airflow.sdk.exceptions import AirflowFailException
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.baton.functions.conftest import KEY as SIGNING_KEY
from tests.unit.baton.functions.conftest import Connect, Server
from tests.unit.baton.functions.cut_server import CutServer

from baton.exceptions import TransientError
from baton.functions.batch_operator import InvokeFunctionBatchOperator
from baton.functions.batches.checkpoint import KEY, Checkpoint, CheckpointWriter
from baton.functions.batches.items import ItemsFile
from baton.functions.batches.number_set import NumberSet
from baton.functions.batches.run import BatchRun, Limits, batch_key, failures_of
from baton.functions.batches.throttle import Throttle
from baton.functions.call import Reply, UnusableAnswerError
from baton.functions.call_retries import CallRetries
from baton.functions.callback_tokens import Signer
from baton.functions.identity import TaskIdentity
from baton.functions.stored_reply import state_key, store_reply

Context = dict[str, Any]
LONG = "x" * 1000


@pytest.fixture
def server(server: Server) -> Server:
    """A function that does what it is told."""
    server.answers = [web.json_response({"failed": []})]
    return server


def operator(connection_id: str, folder: Path, **fields: Any) -> InvokeFunctionBatchOperator:
    """A task with ten items in batches of three."""
    settings = {"items": list(range(10)), "batch_size": 3, "result_uri": f"file://{folder}", **fields}
    made = InvokeFunctionBatchOperator(task_id="t", function="f", function_conn_id=connection_id, **settings)
    made.call_retries = CallRetries(attempts=2, seconds=5, first_pause_seconds=0.01)
    return made


async def run(task: InvokeFunctionBatchOperator, context: Context) -> Any:
    """Run it as a worker does, beside the server of the test."""
    return await asyncio.to_thread(task.execute, context)


def items_of(server: Server) -> list[Any]:
    """All items of all requests."""
    return [item for request in server.requests for item in json.loads(request.body)["items"]]


def keys_of(server: Server) -> Counter[str]:
    """How often each idempotency key came."""
    return Counter(request.headers["Idempotency-Key"] for request in server.requests)


async def test_each_item_is_sent_once_with_its_place(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """In batches of the wanted size, each with a key of its own; the manifest says so, and the checkpoint is gone."""
    task = operator(connect(server.port), tmp_path, payload={"day": "today"})
    manifest = await run(task, context)
    bodies = sorted((json.loads(request.body) for request in server.requests), key=lambda body: body["first_index"])
    assert [body["items"] for body in bodies] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert [(body["first_index"], body["day"]) for body in bodies] == [(number, "today") for number in (0, 3, 6, 9)]
    assert set(keys_of(server).values()) == {1}
    counts = {name: manifest[name] for name in ("items", "batches", "succeeded", "failed", "unreached")}
    assert counts == {"items": 10, "batches": 4, "succeeded": 10, "failed": 0, "unreached": 0}
    assert context["task_state_store"] == {}
    assert json.loads(Path(manifest["result_uri"].removeprefix("file://")).read_text())["succeeded"] == 10


def test_the_old_name_of_max_in_flight_still_works_and_warns(tmp_path: Path) -> None:
    """For one minor release, as docs/releasing.md promises."""
    with pytest.warns(DeprecationWarning, match="now called max_in_flight"):
        assert operator("c", tmp_path, most_in_flight=3).max_in_flight == 3


@pytest.mark.parametrize(
    "content",
    [
        b'{"id": 1}\n{"id": 2}\n',
        b'{"id": 1}\n{"id": 2}',
        b'\xef\xbb\xbf{"id": 1}\r\n{"id": 2}\r\n',
        b'\n{"id": 1}\n \r\n\n{"id": 2}\n\n',
    ],
)
async def test_items_come_from_a_file_too(
    server: Server, connect: Connect, context: Context, tmp_path: Path, content: bytes
) -> None:
    """JSON lines, with or without a newline at the end, as Windows writes them too; empty lines are no items."""
    (tmp_path / "mine.jsonl").write_bytes(content)
    task = operator(connect(server.port), tmp_path, items=f"file://{tmp_path}/mine.jsonl", batch_size=2)
    manifest = await run(task, context)
    assert items_of(server) == [{"id": 1}, {"id": 2}]
    assert (manifest["items"], manifest["batches"], manifest["succeeded"]) == (2, 1, 2)


@pytest.mark.parametrize("bad", [b"{", b'{"n": NaN}', b'"\xff"', b"[" * 60_000])
async def test_bad_line_is_found_before_anything_is_sent(
    server: Server, connect: Connect, context: Context, tmp_path: Path, bad: bytes
) -> None:
    """A file that has to be fixed is another file: what was sent of it would be sent again."""
    (tmp_path / "mine.jsonl").write_bytes(b"1\n" * 99 + b"\n" + bad + b"\n")
    with pytest.raises(AirflowFailException, match="line 101 of the items is no JSON"):
        await run(operator(connect(server.port), tmp_path, items=f"file://{tmp_path}/mine.jsonl"), context)
    assert server.requests == []


@pytest.mark.parametrize("bad", [b"bytes", memoryview(b"of a bytea"), float("nan"), {(1, 2): 3}, object()])
async def test_item_that_is_no_json_is_named(
    server: Server, connect: Connect, context: Context, tmp_path: Path, bad: object
) -> None:
    """Not sent as the text that Python makes of it, and not tried again."""
    with pytest.raises(AirflowFailException, match="item 1 is no JSON"):
        await run(operator(connect(server.port), tmp_path, items=[1, {"x": bad}]), context)
    assert server.requests == []


async def test_what_databases_give_becomes_text(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """Decimals keep their digits, moments their zone."""
    row = {"a": Decimal("1.10"), "b": datetime(2026, 11, 22, tzinfo=UTC), "c": UUID(int=1)}
    await run(operator(connect(server.port), tmp_path, items=[row]), context)
    texts = {"a": "1.10", "b": "2026-11-22 00:00:00+00:00", "c": "00000000-0000-0000-0000-000000000001"}
    assert items_of(server) == [texts]


@pytest.mark.parametrize("items", [None, {"id": 1}, 7, "SELECT 1"])
async def test_what_is_no_list_of_items_is_said(
    server: Server, connect: Connect, context: Context, tmp_path: Path, items: Any
) -> None:
    """Such as the result of a task that returned nothing."""
    with pytest.raises(AirflowFailException, match="items is"):
        await run(operator(connect(server.port), tmp_path, items=items), context)


async def test_next_try_sends_only_what_has_no_answer(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """Under the same key as before, of the same items, though the query would give others by now."""

    async def fails_for_six(request: web.Request) -> web.Response:
        return web.json_response({"failed": []}, status=500 if b"[6," in await request.read() else 200)

    connection_id = connect(server.port)
    server.answers = [fails_for_six]
    with pytest.raises(TransientError, match="3 got no answer"):
        await run(operator(connection_id, tmp_path, failure_threshold=0.1), context)
    [failed_key] = [key for key, times in keys_of(server).items() if times == 2]

    server.requests.clear()
    server.answers = [web.json_response({"failed": []})]
    manifest = await run(operator(connection_id, tmp_path, items=["others"], batch_size=1), context)
    assert items_of(server) == [6, 7, 8]
    assert list(keys_of(server)) == [failed_key]
    assert manifest["succeeded"] == 10


async def test_answers_of_accepted_batches_come_by_callback(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """One that says that the function failed is sent again; one that came to a killed try is taken without a call."""
    failed: set[str] = set()

    async def accept(request: web.Request) -> web.Response:
        callback = Signer([SIGNING_KEY]).read(request.headers["X-Callback-Url"].rsplit("/", 1)[1], 0)
        first = json.loads(await request.read())["first_index"]
        status = 500 if first == 3 and not failed else 200
        if status == 500:
            failed.add(callback.call_id)
        reply = store_reply(Reply(status, json.dumps({"failed": [0] if first == 6 else []}).encode()))
        asyncio.get_running_loop().call_later(0.05, context["task_state_store"].set, state_key(callback.call_id), reply)
        return web.Response(status=202)

    server.answers = [accept]
    task = operator(connect(server.port, "openfaas"), tmp_path, asynchronous=True, failure_threshold=0.1)
    with mock.patch.object(BatchRun, "has_failed", return_value=True), pytest.raises(AirflowFailException):
        await run(task, context)  # ends before it has sent anything, but knows its items
    checkpoint = Checkpoint.deserialize(context["task_state_store"][KEY])
    key = batch_key(TaskIdentity.of(context).key, checkpoint, 0)  # type: ignore[arg-type]
    context["task_state_store"].set(state_key(key), store_reply(Reply(200, b'{"failed": []}')))
    manifest = await run(task, context)
    assert (manifest["succeeded"], manifest["failed"]) == (9, 1)
    assert sorted(items_of(server)) == [3, 3, 4, 4, 5, 5, 6, 7, 8, 9]
    assert context["task_state_store"] == {}


class Killed(BaseException):
    """As abrupt as a test can be in its own process."""


async def test_posted_answer_stays_until_its_batch_is_noted(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """A worker that is killed in between finds it again, and the batch is not sent once more."""

    async def accept(request: web.Request) -> web.Response:
        call_id = request.headers["X-Call-Id"]
        context["task_state_store"].set(state_key(call_id), store_reply(Reply(200, b'{"failed": []}')))
        return web.Response(status=202)

    server.answers = [accept]
    task = operator(connect(server.port, "openfaas"), tmp_path, asynchronous=True)
    with mock.patch.object(CheckpointWriter, "write", side_effect=Killed), pytest.raises(Killed):
        await run(task, context)
    assert len(context["task_state_store"]) == 5  # four answers beside the checkpoint
    manifest = await run(task, context)
    assert (manifest["succeeded"], len(server.requests)) == (10, 4)
    assert context["task_state_store"] == {}


async def test_answers_that_come_at_once_are_not_waited_for(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """From a gateway that ignores the wish to answer later."""
    manifest = await run(operator(connect(server.port), tmp_path, asynchronous=True), context)
    assert (manifest["succeeded"], len(server.requests)) == (10, 4)


async def test_gateway_without_callbacks_is_not_called_asynchronously(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """Each batch would be called until the retries are used up."""
    extra = {"endpoint_url": server.url, "region_name": "eu-central-1"}
    connection_id = connect(server.port, None, conn_type="aws", host="", login="AKIAEXAMPLE", extra=extra)
    with pytest.raises(AirflowFailException, match="posts no callbacks"):
        await run(operator(connection_id, tmp_path, asynchronous=True), context)
    assert server.requests == []


async def test_changed_items_are_not_mixed_with_the_old_ones(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """A file that somebody replaced between two tries fails the task instead of skipping other items."""
    mine = tmp_path / "mine.jsonl"
    mine.write_text("1\n2\n")
    task = operator(connect(server.port), tmp_path, items=f"file://{mine}", batch_size=1)
    server.answers = [web.json_response({"failed": []}), web.Response(status=500)]
    with pytest.raises(TransientError):
        await run(task, context)
    mine.write_text("2\n1\n")
    with pytest.raises(AirflowFailException, match="has changed"):
        await run(task, context)


async def test_failed_items_are_named_and_counted_against_the_threshold(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """Two of ten: too many for a tenth, few enough for a fifth; a function's word about each is kept."""

    async def fails_second(request: web.Request) -> web.Response:
        items = json.loads(await request.read())["items"]
        return web.json_response({"failed": [{"index": 1, "error": "no such order"}] if items[0] in (0, 3) else []})

    server.answers = [fails_second]
    connection_id = connect(server.port)
    with pytest.raises(AirflowFailException, match="2 of 10 items failed"):
        await run(operator(connection_id, tmp_path / "a", failure_threshold=0.1), context)
    context["task_state_store"].clear()
    manifest = await run(operator(connection_id, tmp_path / "b", failure_threshold=0.2), context)
    assert (manifest["succeeded"], manifest["failed"]) == (8, 2)
    lines = Path(manifest["failures_uri"].removeprefix("file://")).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"index": 1, "item": 1, "error": "no such order"},
        {"index": 4, "item": 4, "error": "no such order"},
    ]


async def test_refused_batch_fails_its_items_but_not_the_others(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """A 422 is about these items."""

    async def refuses_first(request: web.Request) -> web.Response:
        return web.json_response({"failed": []}, status=422 if b"[0," in await request.read() else 200)

    server.answers = [refuses_first]
    manifest = await run(operator(connect(server.port), tmp_path, failure_threshold=0.5), context)
    assert (manifest["succeeded"], manifest["failed"]) == (7, 3)


async def test_hopeless_refusal_ends_it_at_once(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """A million items are not sent to a function that does not exist."""
    server.answers = [web.Response(status=404)]
    task = operator(connect(server.port), tmp_path, items=list(range(1000)), batch_size=1, max_in_flight=2)
    with pytest.raises(AirflowFailException, match="no such function"):
        await run(task, context)
    assert len(server.requests) <= 4


async def test_broken_function_is_not_given_everything(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """As soon as too much has failed, nothing more is sent; the next try finds the rest."""
    server.answers = [web.Response(status=500)]
    task = operator(connect(server.port), tmp_path, items=list(range(1000)), batch_size=1, max_in_flight=2)
    with pytest.raises(TransientError):
        await run(task, context)
    assert len(server.requests) < 20
    assert context["task_state_store"][KEY]["done"] == ""


async def test_too_many_requests_slow_it_down_and_lose_nothing(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """A gateway that takes two at a time gets everything once, though eight are wanted."""
    at_once, refused = 0, 0

    async def two_at_a_time(request: web.Request) -> web.Response:
        nonlocal at_once, refused
        if at_once >= 2:
            refused += 1
            return web.Response(status=429, headers={"Retry-After": "0"})
        at_once += 1
        await asyncio.sleep(0.02)
        at_once -= 1
        return web.json_response({"failed": []})

    server.answers = [two_at_a_time]
    manifest = await run(operator(connect(server.port), tmp_path, items=list(range(60)), batch_size=1), context)
    assert manifest["succeeded"] == 60
    assert 0 < refused < 60


@pytest.mark.parametrize("status", [429, 503])
async def test_absurd_waits_are_left_to_airflow(
    server: Server, connect: Connect, context: Context, tmp_path: Path, status: int
) -> None:
    """A gateway that names tomorrow does not hold a worker until then."""
    server.answers = [web.Response(status=status, headers={"Retry-After": "86400"})]
    async with asyncio.timeout(20):
        with pytest.raises(TransientError, match="got no answer"):
            await run(operator(connect(server.port), tmp_path), context)


@pytest.mark.parametrize(
    ("threshold", "failed", "count", "is_too_much"),
    [(0, 0, 100, False), (0.0, 1, 100, True), (0.29, 29, 100, False), (0.29, 30, 100, True), (1, 100, 100, False),
     (1.0, 0, 0, False)],
)  # fmt: skip
def test_threshold_is_passed_by_more_than_it_says(threshold: float, failed: int, count: int, is_too_much: bool) -> None:
    """Whatever binary fractions make of it."""
    checkpoint = Checkpoint(ItemsFile("file:///x", count, ""), 10, failed_items=failed)
    run = BatchRun("k", checkpoint, mock.Mock(), mock.Mock(), mock.Mock(), Limits(1, threshold, CallRetries()))
    assert run.has_failed() is is_too_much


async def test_throttle_halves_and_creeps_back() -> None:
    """Refusals of calls that were under way together count once."""
    throttle = Throttle(8)
    throttle.slow_down(None, began=float("inf"))
    assert throttle.limit == 4
    throttle.slow_down(None, began=0)
    assert throttle.limit == 4
    for _ in range(100):
        throttle.speed_up()
    assert throttle.limit == 8


@pytest.mark.parametrize("result", [{"failed": []}, {"failed": None}, {"failed": 0}, {"failed": [], "paid": 3}])
def test_answer_that_names_no_failed_items_is_a_success(result: object) -> None:
    """It has to say so; null is what some languages make of an empty list."""
    assert failures_of(result, 3) == []


NO_WORD_OF_ITEMS = [
    None, {}, [], [1, 2], 7, 0, True, False, "ok", "", {"ok": True}, {"error": "boom"}, {"errorMessage": "boom"},
    {"message": "Internal server error"}, {"batchItemFailures": []}, {"batchItemFailures": [{"itemIdentifier": "1"}]},
    {"Failed": []}, {"statusCode": 200, "body": '{"failed": []}'},
]  # fmt: skip


@pytest.mark.parametrize("result", NO_WORD_OF_ITEMS)
def test_answer_without_a_word_of_items_is_no_success(result: object) -> None:
    """What the function must answer is in the message, and nothing of what it did."""
    with pytest.raises(UnusableAnswerError, match=r"must be .*\"failed\"") as caught:
        failures_of(result, 3)
    assert "boom" not in str(caught.value)
    named = (
        "batchItemFailures" if isinstance(result, dict) and "batchItemFailures" in result else "answer to a batch is"
    )
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "failed", [[3], [-1], ["1"], [True], 2, True, False, 0.0, "", {}, "all", [{"error": "x"}], [None], [[0]]]
)
def test_unreadable_list_of_failed_items_is_no_success(failed: object) -> None:
    """Silently taking it for one would hide failures."""
    with pytest.raises(UnusableAnswerError):
        failures_of({"failed": failed}, 3)


def as_answer(body: Any, kind: str = "application/json", status: int = 200) -> web.Response:
    """An answer as it goes over the wire."""
    return web.Response(text=body if isinstance(body, str) else json.dumps(body), content_type=kind, status=status)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("body", [*NO_WORD_OF_ITEMS, {"failed": [3]}, {"failed": [{"error": LONG}] * 100}])
async def test_answer_of_another_form_fails_its_batch_and_no_other(
    server: Server, connect: Connect, context: Context, tmp_path: Path, body: Any, asynchronous: bool
) -> None:
    """Its items count against the threshold, also where the answer is larger than what is read."""

    async def first_differs(request: web.Request) -> web.Response:
        return as_answer(json.dumps(body) if b"[0," in await request.read() else {"failed": []})

    server.answers = [first_differs]
    limits = {"asynchronous": asynchronous, "response_limit_bytes": 64 * 1024}
    task = operator(connect(server.port), tmp_path / "a", failure_threshold=0.3, **limits)
    manifest = await run(task, context)
    assert (manifest["succeeded"], manifest["failed"], manifest["unreached"]) == (7, 3, 0)
    assert set(keys_of(server).values()) == {1}
    with pytest.raises(AirflowFailException, match="3 of 10 items failed"):
        await run(operator(connect(server.port), tmp_path / "b", failure_threshold=0.2, **limits), context)


async def test_long_words_about_each_item_fit(
    server: Server, connect: Connect, context: Context, tmp_path: Path
) -> None:
    """A thousand bytes for each of a hundred items: a batch's answer is no XCom."""
    server.answers = [as_answer({"failed": [{"index": at, "error": LONG} for at in range(100)]})]
    task = operator(connect(server.port), tmp_path, items=[0] * 100, batch_size=100, failure_threshold=1)
    assert (await run(task, context))["failed"] == 100


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    "foreign",
    [
        as_answer("<html>Log in</html>", "text/html"),
        as_answer("<html>Log in</html>"),
        as_answer("ok", "text/plain"),
        as_answer('{"failed": [', "application/json"),
        web.Response(body=b"\xff\xfe\x00"),
    ],
)
async def test_answer_of_somebody_else_is_none(
    server: Server, connect: Connect, context: Context, tmp_path: Path, foreign: web.Response, asynchronous: bool
) -> None:
    """A login page with 200, or half a document: nothing is noted, and the next try sends the batch again."""
    server.answers = [foreign]
    with pytest.raises(TransientError, match="got no answer"):
        await run(operator(connect(server.port), tmp_path, asynchronous=asynchronous), context)
    assert context["task_state_store"][KEY]["done"] == ""
    server.answers = [as_answer({"failed": []})]
    assert (await run(operator(connect(server.port), tmp_path), context))["succeeded"] == 10


async def test_redirection_ends_it_at_once(server: Server, connect: Connect, context: Context, tmp_path: Path) -> None:
    """To a login page: the next batch would be sent there, too; no item has failed for that."""
    server.answers = [web.Response(status=302, headers={"Location": "/login"})]
    with pytest.raises(AirflowFailException, match="answered 302"):
        await run(operator(connect(server.port), tmp_path, failure_threshold=1), context)
    assert context["task_state_store"][KEY]["done"] == ""


async def test_cut_answer_is_sent_for_again(connect: Connect, context: Context, tmp_path: Path) -> None:
    """Under the same key, and nobody else's batch ends for it."""
    whole = b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{"failed": []}'
    with CutServer(whole, len(whole) - 2, then=whole) as cut:
        manifest = await run(operator(connect(cut.port), tmp_path), context)
    assert (manifest["succeeded"], len(cut.requests)) == (10, 5)


@pytest.mark.parametrize("status", [502, 503])
async def test_batches_wait_for_a_cold_start(
    server: Server, connect: Connect, context: Context, tmp_path: Path, status: int
) -> None:
    """More often than a batch may fail; but a batch that alone is answered so, while others go on, is given up."""
    server.answers = [*[web.Response(status=status)] * 12, as_answer({"failed": []})]
    manifest = await run(operator(connect(server.port), tmp_path, max_in_flight=2), context)
    assert manifest["succeeded"] == 10

    async def fails_for_six(request: web.Request) -> web.Response:
        body = await request.read()
        await asyncio.sleep(0.3 if b"[9]" in body else 0)
        return as_answer({"failed": []}, status=status if b"[6," in body else 200)

    server.requests.clear()
    server.answers = [fails_for_six]
    task = operator(connect(server.port), tmp_path / "b", failure_threshold=0.3)
    task.call_retries = CallRetries(attempts=2, seconds=10, first_pause_seconds=0.05, max_pause_seconds=0.05)
    manifest = await run(task, context)
    assert (manifest["succeeded"], manifest["unreached"]) == (7, 3)
    assert len(server.requests) < 50


@given(st.lists(st.integers(0, 60)))
def test_number_set_is_a_set(numbers: list[int]) -> None:
    """Whatever the order; its text has no more parts than there are gaps, and reads back."""
    made = NumberSet(numbers)
    assert list(made) == sorted(set(numbers))
    assert len(made) == len(set(numbers))
    assert NumberSet.parse(str(made)) == made
    assert all((number in made) == (number in numbers) for number in range(62))
    gaps = sum(number - 1 not in made for number in made)
    assert len([part for part in str(made).split(",") if part]) == gaps


async def test_long_checkpoints_go_into_the_folder(
    server: Server, connect: Connect, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow's state store takes 64 KB; the next try finds the checkpoint all the same."""
    monkeypatch.setattr("baton.functions.batches.checkpoint.LARGEST_STATE_BYTES", 10)
    server.answers = [web.json_response({"failed": []})] * 3 + [web.Response(status=500)]
    task = operator(connect(server.port), tmp_path, max_in_flight=1)
    with pytest.raises(TransientError):
        await run(task, context)
    assert set(context["task_state_store"][KEY]) == {"uri", "sha256"}
    server.requests.clear()
    server.answers = [web.json_response({"failed": []})]
    await run(task, context)
    assert items_of(server) == [9]


KILLED = """
    import json, sys
    from types import SimpleNamespace
    from baton.functions.batch_operator import InvokeFunctionBatchOperator
    folder, state_file, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    class Store:
        def get(self, key, default=None):
            try:
                return json.load(open(state_file)).get(key, default)
            except FileNotFoundError:
                return default
        def set(self, key, value):
            open(state_file + ".new", "w").write(json.dumps({key: value}))
            __import__("os").replace(state_file + ".new", state_file)
        def delete(self, key):
            __import__("os").remove(state_file)
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1)
    task = InvokeFunctionBatchOperator(
        task_id="t", function="f", function_conn_id="functions_test", items=list(range(count)), batch_size=5,
        result_uri=f"file://{folder}")
    print(json.dumps(task.execute({"ti": ti, "task_state_store": Store()})))
"""


async def test_kill_in_the_middle_leaves_each_item_applied_once(
    server: Server, connect: Connect, tmp_path: Path
) -> None:
    """kill -9 of the worker, then another try: a receiver that knows keys has applied each item exactly once."""
    applied: dict[str, list[int]] = {}

    async def apply(request: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        applied.setdefault(request.headers["Idempotency-Key"], json.loads(await request.read())["items"])
        return web.json_response({"failed": []})

    server.answers = [apply]
    connect(server.port)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), str(tmp_path / "state"), "1000"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["plugins", "include"])}
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    while len(applied) < 100:
        assert first.poll() is None
        await asyncio.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    known = json.loads((tmp_path / "state").read_text())[KEY]["done"]
    before = len(server.requests)

    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert sorted(item for items in applied.values() for item in items) == list(range(1000))
    missing = 200 - len(NumberSet.parse(known))
    under_way_when_killed = 8
    assert missing <= len(server.requests) - before <= missing + under_way_when_killed
    assert json.loads(out.splitlines()[-1])["succeeded"] == 1000
