"""The functions' bodies, run by the gateway's own processes on a real PostgreSQL and a real SMTP server."""

import asyncio
import email
import email.policy
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.integration.conftest import _free_port

from baton.exceptions import PermanentError
from baton.functions.batches.items import rows_of
from baton_local import mailbox, shop
from baton_local.gateway.functions import read_functions
from baton_local.gateway.pool import Answer, Pool, Request

FOLDER = Path(__file__).parents[3] / "include" / "functions"
DAY = "2026-10-30"
NOON = "2026-11-01T12:00:00+00:00"
Call = Callable[[str, Any], Any]


@pytest.fixture(scope="module")
def shop_dsn(module_database: str) -> str:
    """A small demo schema."""
    shop.make(module_database, 0.001)
    return module_database


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The stack's SMTP sink: its port and its folder."""
    folder, port = tmp_path_factory.mktemp("mail"), _free_port()
    command = [sys.executable, "-m", "baton_local.mailbox", str(port), str(folder)]
    with subprocess.Popen(command, env={"PYTHONPATH": str(FOLDER.parent)}) as process:
        while not mailbox.is_ready(port):
            assert process.poll() is None
        yield port, folder
        process.terminate()


@pytest.fixture
async def call(shop_dsn: str, mail: tuple[int, Path], tmp_path: Path) -> AsyncIterator[Call]:
    """Calls a function; returns its status and answer."""
    (tmp_path / "shop-dsn").write_text(shop_dsn)
    (tmp_path / "smtp-url").write_text(f"smtp://127.0.0.1:{mail[0]}")
    pools = {name: Pool(function, tmp_path) for name, function in read_functions(FOLDER / "stack.yaml").items()}

    async def make(name: str, body: Any) -> tuple[int, Any]:
        request = Request("POST", "/", {}, {}, json.dumps(body).encode())
        answer: Answer = await pools[name].invoke(request, wait=True)
        try:
            return answer.status, json.loads(answer.body)
        except ValueError:
            return answer.status, answer.body.decode()

    yield make
    for pool in pools.values():
        await pool.close()


def ask(dsn: str, sql: Any, *values: Any) -> list[Any]:
    """Ask the shop, or change it."""
    with psycopg.connect(dsn) as connection:
        cursor = connection.execute(sql, values or None)
        return cursor.fetchall() if cursor.description else []


UNREADABLE = (None, [], {}, {"day": "yesterday"}, {"items": [{"id": "x"}], "as_of": NOON})


@pytest.mark.parametrize("name", ["send-daily-summary", "process-hourly-data", "process-pending-items"])
async def test_unreadable_bodies_are_refused(call: Call, name: str) -> None:
    """With what is wanted; nothing is tried again in vain."""
    for body in UNREADABLE:
        status, words = await call(name, body)
        assert status == 400
        assert "wanted" in words


async def test_order_is_decided_once(call: Call, shop_dsn: str) -> None:
    """Paid, given up, or left to wait; one that is decided, or is none, is said to be so."""
    ids = [row[0] for row in ask(shop_dsn, "SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 4")]
    amount = "UPDATE orders SET total_amount = 10, placed_at = %s WHERE id = %s"
    for number, placed in zip(ids, ["2026-10-31", "2026-09-01", "2026-10-31", "2026-10-31"], strict=True):
        ask(
            shop_dsn,
            "DELETE FROM ledger_entries WHERE payment_id IN (SELECT id FROM payments WHERE order_id = %s)",
            number,
        )
        ask(shop_dsn, "DELETE FROM payments WHERE order_id = %s", number)
        ask(shop_dsn, amount, placed, number)
    add = "INSERT INTO payments (order_id, method, status, amount, provider_reference) VALUES (%s, 'card', %s, %s, %s)"
    for number, status, paid, reference in (
        (ids[0], "captured", 4, "a"),
        (ids[0], "captured", 6, "b"),
        (ids[2], "failed", 10, "c"),
    ):
        ask(shop_dsn, add, number, status, paid, f"test-{reference}")
    body = {"items": [{"id": number} for number in [*ids, 10**9]], "as_of": NOON}

    failed = [{"index": 4, "error": "there is no such order"}]
    assert await call("process-pending-items", body) == (
        200, {"paid": 1, "cancelled": 1, "waiting": 2, "done": 0, "failed": failed},
    )  # fmt: skip
    states = ask(shop_dsn, "SELECT status::text FROM orders WHERE id = ANY (%s) ORDER BY id", ids)
    assert [state for (state,) in states] == ["paid", "cancelled", "pending", "pending"]
    _, again = await call("process-pending-items", body)
    assert (again["paid"], again["cancelled"], again["waiting"], again["done"]) == (0, 0, 2, 2)


async def test_deliveries_are_processed_once(call: Call, shop_dsn: str) -> None:
    """Two calls at once share the work; one more finds nothing; a delivery without order is tried five times."""
    ask(shop_dsn, """UPDATE incoming_webhooks SET body = body || '{"order": 999999999}' WHERE id =
        (SELECT min(id) FROM incoming_webhooks WHERE status = 'received')""")  # fmt: skip
    [(due,)] = ask(shop_dsn, "SELECT count(*) FROM incoming_webhooks WHERE status = 'received'")
    body = {"timestamp": NOON, "source": "all", "type": "backfill"}
    first, second = await asyncio.gather(*(call("process-hourly-data", body) for _ in range(2)))
    assert first[1]["processed"] + second[1]["processed"] == due - 1
    for _ in range(4):
        await call("process-hourly-data", body)
    assert (await call("process-hourly-data", body))[1] == {"processed": 0, "failed": 0, "postponed": 0}
    states = ask(
        shop_dsn, "SELECT status::text, count(*) FROM incoming_webhooks WHERE error LIKE 'its order%' GROUP BY 1"
    )
    assert states == [("failed", 1)]


def mails_in(folder: Path) -> list[EmailMessage]:
    """What was received."""
    found = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in folder.iterdir()]
    return [mail for mail in found if isinstance(mail, EmailMessage)]


async def test_summary_is_mailed_to_each_user_once_a_day(call: Call, shop_dsn: str, mail: tuple[int, Path]) -> None:
    """Two calls at once, and one more; each mail shows its receiver's orders."""
    ask(shop_dsn, "UPDATE users SET full_name = 'Zoë \"Z\" Ø\nBcc: x@example.org' WHERE id = 1")
    users = ask(shop_dsn, "SELECT email FROM users WHERE is_active AND wants_daily_summary")
    body = {"day": DAY}
    answers = await asyncio.gather(*(call("send-daily-summary", body) for _ in range(2)))
    assert sum(answer["sent"] for _, answer in answers) == len(users)
    _, again = await call("send-daily-summary", body)
    assert (again["sent"], again["already"]) == (0, len(users))
    mails = mails_in(mail[1])
    assert sorted(mail["To"].addresses[0].addr_spec for mail in mails) == sorted(address for (address,) in users)
    assert not any(mail["Bcc"] for mail in mails)
    assert len({mail["Message-ID"] for mail in mails}) == len(mails)
    [(with_orders,)] = ask(
        shop_dsn,
        "SELECT count(DISTINCT u.id) FROM users u JOIN orders o ON o.handled_by = u.id WHERE is_active AND "
        "wants_daily_summary AND (placed_at AT TIME ZONE u.time_zone)::date = %s",
        DAY,
    )
    assert sum(not mail["Subject"].startswith("No orders") for mail in mails) == with_orders > 0


async def test_mail_that_may_have_gone_out_is_not_sent_again(call: Call, shop_dsn: str) -> None:
    """The function was ended between its note and the mail server's answer; one that was refused is sent again."""
    [(first, *_), (second, *_)] = ask(
        shop_dsn, "SELECT id FROM users WHERE is_active AND wants_daily_summary ORDER BY id LIMIT 2"
    )
    add = """INSERT INTO job_executions (job_name, status, requested_by, parameters, scheduled_at)
             VALUES ('send_daily_summary', %s, %s, '{"day": "2026-10-29"}', now())"""
    ask(shop_dsn, add, "running", first)
    ask(shop_dsn, add, "failed", second)
    _, counts = await call("send-daily-summary", {"day": "2026-10-29"})
    assert (counts["unknown"], counts["already"], counts["refused"]) == (1, 0, 0)
    assert counts["sent"] > 0


def test_rows_of_a_query_are_items(shop_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Column → value; two columns of one name would hide each other, so they are refused."""
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_ROWS", shop_dsn)
    [row] = rows_of("shop_rows", "SELECT 7 AS id, NULL AS note, '1.10'::numeric AS price")
    assert row == {"id": 7, "note": None, "price": Decimal("1.10")}
    with pytest.raises(PermanentError, match="two columns named id"):
        list(rows_of("shop_rows", "SELECT 1 AS id, 2 AS id"))
    with pytest.raises(Exception, match="no_such_column"):
        list(rows_of("shop_rows", "SELECT no_such_column"))
