"""The signature workers as CronJobs that became DAGs: mails, log rows and closed workflows of real runs."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_string
from zoneinfo import ZoneInfo

import psycopg
import pytest
from tests.acceptance.chain import await_value

from baton_local.stack import Stack

REMIND, EXPIRE = "remind-signers", "expire-signatures"
ADD = """
INSERT INTO signature_workflows (document_title, requested_by, signer_name, signer_email, status, due_on, sent_at)
VALUES ('Lease agreement', (SELECT max(id) FROM users WHERE is_active), 'Zoë', 'acceptance@example.org', 'sent', %s,
        now() - interval '30 days') RETURNING id
"""


@pytest.fixture
def shop(stack: Stack) -> Iterator[psycopg.Connection]:
    """The shop's database with no open workflow of the seed; the DAGs are off again afterwards."""
    with psycopg.connect(stack.postgres.dsn("shop"), autocommit=True) as connection:
        connection.execute(
            "UPDATE signature_workflows SET status = 'cancelled', closed_at = now() WHERE status IN ('sent', 'viewed')"
        )
        yield connection
    for dag_id in (REMIND, EXPIRE):
        stack.api.call("PATCH", f"/dags/{dag_id}", json={"is_paused": True})


def add(shop: psycopg.Connection, due_in: int) -> int:
    """Add an open workflow that is due in so many of the manifest's days."""
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    row = shop.execute(ADD, (today + timedelta(days=due_in),)).fetchone()
    assert row
    return int(row[0])


def succeed(stack: Stack, dag_id: str) -> str:
    """Run a DAG to its end; gives the log of its task."""
    run_id = stack.api.run_now(dag_id)
    state = await_value(lambda: ended(stack, dag_id, run_id), 120)
    log = stack.api.log(dag_id, run_id, "run", 1)
    assert state == "success", log
    return log


def ended(stack: Stack, dag_id: str, run_id: str) -> str | None:
    """The state of a run that has ended."""
    state: str = stack.api.run(dag_id, run_id)["state"]
    return state if state in ("success", "failed") else None


def mails(stack: Stack) -> dict[str, str]:
    """Message-ID → recipient of all mails in the mailbox; an id that occurs twice fails the test."""
    read = [message_from_string(path.read_text()) for path in stack.layout.mail.glob("*.eml")]
    found = [(str(mail["Message-ID"]), str(mail["To"])) for mail in read if "signature-" in str(mail["Message-ID"])]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_signers_are_reminded_and_late_workflows_are_closed(stack: Stack, shop: psycopg.Connection) -> None:
    """One run of each DAG: a mail to the signer and its log row, a closed workflow and a mail to its requester."""
    due, late = add(shop, 3), add(shop, -1)

    reminded, expired = succeed(stack, REMIND), succeed(stack, EXPIRE)

    sent = mails(stack)
    [row] = shop.execute(
        "SELECT outcome::text, message_id FROM signature_reminders WHERE workflow_id = %s", (due,)
    ).fetchall()
    assert row[0] == "sent", reminded
    assert sent[row[1]] == "acceptance@example.org"
    states = dict(shop.execute("SELECT id, status::text FROM signature_workflows WHERE id IN (%s, %s)", (due, late)))
    assert states == {due: "sent", late: "expired"}, expired
    assert [recipient for own_id, recipient in sent.items() if f"signature-expired.{late}@" in own_id]
    assert "acceptance@example.org" not in reminded + expired
