"""Workflows past their due date: closed once, their requester notified at most once."""

from typing import Any

import psycopg
import pytest
from tests.workloads.signatures.worker import EXPIRE, Shop

STATES = "SELECT id, status::text, closed_at IS NOT NULL FROM signature_workflows ORDER BY id"


def test_what_is_past_its_due_date_is_closed_and_its_requester_told(shop: Shop) -> None:
    """Status and time of closing are set, and one mail names document, signer and date."""
    workflow = shop.workflow(due_in=-1, status="viewed")
    result = shop.run(*EXPIRE).result
    assert {**result, "seconds": 0} == {
        "job": "signatures expire", "window": "2026-11-22T10:00:00Z", "outcome": "done", "as_of": "2026-11-22",
        "closed": 1, "notified": 1, "skipped": 0, "bounced": 0, "put_off": 0, "unconfirmed": 0, "seconds": 0,
    }  # fmt: skip
    assert shop.query(STATES) == [(workflow, "expired", True)]
    [mail] = shop.office.mails
    assert (mail.recipient, mail.message["Subject"]) == ("requester@shop.example", "Expired unsigned: Lease agreement")
    assert "Signer: Zoë\r\n    Due: 21 November 2026" in mail.message.get_content()


@pytest.mark.parametrize(
    "columns",
    [{"due_in": 0}, {"due_in": 5}, {"status": "draft"}, {"status": "signed"}, {"due_on": "infinity"}],
    ids=str,
)
def test_nothing_else_is_closed(shop: Shop, columns: dict[str, Any]) -> None:
    """On its due date a workflow can still be signed; drafts and closed ones stay as they are."""
    shop.workflow(**{"due_in": -1, **columns})
    before = shop.query(STATES)
    assert shop.run(*EXPIRE).result["closed"] == 0
    assert (shop.query(STATES), shop.office.mails) == (before, [])


@pytest.mark.parametrize(("as_of", "closed"), [("2026-11-22T22:59Z", 0), ("2026-11-22T23:00Z", 1)])
def test_the_day_ends_at_the_zones_midnight(shop: Shop, as_of: str, closed: int) -> None:
    """Due on the 22nd in Berlin is late from Berlin's 23rd on."""
    shop.workflow(due_in=0)
    assert shop.run(*EXPIRE, as_of=as_of).result["closed"] == closed


@pytest.mark.parametrize("requester", ["inactive", "without address"])
def test_a_requester_who_cannot_be_told_is_skipped(shop: Shop, requester: str) -> None:
    """The workflow is closed all the same."""
    if requester == "without address":
        shop.execute("UPDATE users SET email = 'nobody' WHERE id = 1")
    shop.workflow(due_in=-1, requested_by=2 if requester == "inactive" else 1)
    result = shop.run(*EXPIRE).result
    assert (result["closed"], result["skipped"], shop.office.mails) == (1, 1, [])
    assert shop.run(*EXPIRE, as_of="2026-11-22T15:00").result["skipped"] == 0


def test_a_notice_that_could_not_be_sent_is_sent_later(shop: Shop) -> None:
    """The workflow is closed although the mail server is down; whoever comes next tells."""
    shop.workflow(due_in=-1)
    assert shop.run(*EXPIRE, BATON_SMTP_URL="smtp://127.0.0.1:1").code == 75
    assert shop.query(STATES) == [(1, "expired", True)]
    shop.office.at_rcpt = lambda recipient: "451 later"
    result = shop.run(*EXPIRE).result
    assert (result["closed"], result["put_off"]) == (0, 1)
    shop.office.at_rcpt = lambda recipient: "250 OK"
    assert shop.run(*EXPIRE, as_of="2026-11-22T15:00").result["notified"] == 1


def test_a_workflow_that_is_being_signed_is_left_to_the_next_run(shop: Shop) -> None:
    """The worker waits for nobody's transaction and overwrites nobody's signature."""
    signed, late = shop.workflow(due_in=-1), shop.workflow(due_in=-1)
    with psycopg.connect(shop.dsn) as signer:
        signer.execute("UPDATE signature_workflows SET status = 'signed', closed_at = now() WHERE id = %s", (signed,))
        assert shop.run(*EXPIRE).result["closed"] == 1
    assert shop.run(*EXPIRE, as_of="2026-11-22T15:00").result["closed"] == 0
    assert [row[:2] for row in shop.query(STATES)] == [(signed, "signed"), (late, "expired")]


def test_many_are_closed_in_batches(shop: Shop) -> None:
    """More than one batch, of workflows and of notices, and none of either is left."""
    shop.workflow(due_in=-1)
    copy = """INSERT INTO signature_workflows (document_title, requested_by, signer_name, signer_email, status, due_on)
              SELECT document_title, 2, signer_name, signer_email, status, due_on
                FROM signature_workflows, generate_series(1, 519)"""
    shop.execute(copy)
    result = shop.run(*EXPIRE).result
    assert (result["closed"], result["notified"], result["skipped"]) == (520, 1, 519)
    assert {status for _, status, _ in shop.query(STATES)} == {"expired"}


def test_a_dry_run_changes_nothing(shop: Shop) -> None:
    """It names what would be closed."""
    workflow = shop.workflow(due_in=-1)
    outcome = shop.run(*EXPIRE, "--dry-run")
    assert (outcome.result["due"], f"would close workflow {workflow}" in outcome.stderr) == (1, True)
    assert shop.query(STATES) == [(workflow, "sent", False)]
