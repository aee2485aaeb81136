"""Reminders: who gets one, when, and what is written down."""

from typing import Any

import pytest
from tests.workloads.signatures.post_office import Mail
from tests.workloads.signatures.worker import REMIND, TODAY, Shop

QUIET = {"bounced": 0, "skipped": 0, "put_off": 0, "unconfirmed": 0}


def test_a_due_reminder_is_sent_and_logged(shop: Shop) -> None:
    """The signer gets a mail, the log a row with its Message-ID, the result the count."""
    workflow = shop.workflow(due_in=3)
    result = shop.run(*REMIND).result
    assert {**result, "seconds": 0} == {
        "job": "signatures remind", "window": "2026-11-22T11:00:00Z", "outcome": "done",
        "as_of": "2026-11-22", "sent": 1, **QUIET, "seconds": 0,
    }  # fmt: skip
    [mail] = shop.office.mails
    assert mail.recipient == "signer@example.org"
    assert mail.message["Subject"] == "Reminder: please sign by 25 November 2026: Lease agreement"
    assert "in 3 days, on 25 November 2026" in mail.message.get_content()
    rows = shop.query("SELECT workflow_id, reminder_on, recipient, outcome::text, message_id FROM signature_reminders")
    assert rows == [(workflow, TODAY, "signer@example.org", "sent", mail.id)]
    assert mail.id == f"<signature-reminder.{workflow}.2026-11-22@shop.example>"


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "draft"},
        {"status": "signed"},
        {"status": "expired"},
        {"due_in": 4},
        {"due_in": -1},
        {"remind_days_before": []},
        {"remind_days_before": [None, 2_000_000_000, -3]},
        {"due_on": "infinity"},
        {"sent_at": "2026-11-22T23:30Z"},  # already the 23rd in Berlin
    ],
    ids=str,
)
def test_nobody_else_is_bothered(shop: Shop, columns: dict[str, Any]) -> None:
    """Closed, not yet sent, not due, and absurd workflows are left alone and stop nothing."""
    shop.workflow(**columns)
    due = shop.workflow()
    assert shop.run(*REMIND).result["sent"] == 1
    assert [row[0] for row in shop.log()] == [due]


@pytest.mark.parametrize(
    ("as_of", "reminder_on"),
    [
        ("2026-11-21T22:59Z", "2026-11-21"),  # the last minute of Berlin's 21st
        ("2026-11-21T23:00Z", "2026-11-22"),
        ("2026-11-22T22:59Z", "2026-11-22"),
        ("2026-11-22T23:00Z", "2026-11-22"),  # the day after: caught up
        ("2026-11-24T22:59Z", "2026-11-22"),
        ("2026-11-24T23:00Z", None),
    ],
)
def test_the_zone_decides_what_day_it_is(shop: Shop, as_of: str, reminder_on: str | None) -> None:
    """Reminders for the 21st and 22nd of Berlin, at times around its midnights; two days are caught up, not three."""
    for day in (21, 22):
        shop.workflow(due_on=f"2026-11-{day + 7}", remind_days_before=[7])
    if reminder_on != "2026-11-21":
        shop.execute(
            "INSERT INTO signature_reminders (workflow_id, reminder_on, recipient) VALUES (1, '2026-11-21', 'x')"
        )
    before = len(shop.log())
    assert shop.run(*REMIND, as_of=as_of).result["sent"] == (reminder_on is not None)
    assert [day for _, day, _ in shop.log()][before:] == ([reminder_on] if reminder_on else [])


def test_after_an_outage_a_signer_gets_one_mail(shop: Shop) -> None:
    """Of several dates that were missed the latest is sent; the others are logged as skipped."""
    workflow = shop.workflow(due_in=1, remind_days_before=[3, 2, 1])
    assert shop.run(*REMIND).result["sent"] == 1
    assert shop.log() == [
        (workflow, "2026-11-20", "skipped"), (workflow, "2026-11-21", "skipped"), (workflow, "2026-11-22", "sent"),
    ]  # fmt: skip


def test_a_window_is_done_once(shop: Shop) -> None:
    """The second start in a half hour says so and sends nothing, not even what became due; the next half hour does."""
    shop.workflow()
    assert shop.run(*REMIND, as_of="2026-11-22T09:00Z").result["outcome"] == "done"
    shop.workflow()
    second = shop.run(*REMIND, as_of="2026-11-22T09:29:59Z").result
    assert (second["outcome"], second["earlier"]["sent"], len(shop.office.mails)) == ("already_done", 1, 1)
    assert shop.run(*REMIND, as_of="2026-11-22T09:30Z").result["sent"] == 1
    shop.workflow()
    assert shop.run(*REMIND, "--again", as_of="2026-11-22T09:30Z").result["sent"] == 1
    assert len(set(shop.office.ids)) == len(shop.office.ids) == 3


def test_a_dry_run_changes_nothing(shop: Shop) -> None:
    """It names what is due and touches neither mail server nor log nor ledger."""
    workflow = shop.workflow()
    outcome = shop.run(*REMIND, "--dry-run", BATON_SMTP_URL="smtp://127.0.0.1:1")
    assert (outcome.result["outcome"], outcome.result["due"]) == ("dry_run", 1)
    assert f"would remind of workflow {workflow}, reminder date 2026-11-22" in outcome.stderr
    assert (shop.log(), shop.office.mails) == ([], [])
    assert shop.query("SELECT to_regclass('baton.job_items')") == [(None,)]


@pytest.mark.parametrize(
    ("answer", "count", "logged"),
    [
        ("550 5.1.1 no such mailbox", "bounced", "bounced"),
        ("553 what is that", "bounced", "bounced"),
        ("451 4.7.1 greylisted", "put_off", None),
    ],
)
def test_a_refused_recipient_costs_only_his_own_mail(shop: Shop, answer: str, count: str, logged: str | None) -> None:
    """For good: logged, never tried again. For now: the next window tries again. The others get theirs."""
    refused, other = shop.workflow(signer_email="refused@example.org"), shop.workflow()
    shop.office.at_rcpt = lambda recipient: answer if recipient.startswith("refused") else "250 OK"
    result = shop.run(*REMIND).result
    assert (result[count], result["sent"]) == (1, 1)
    assert shop.log() == [(w, "2026-11-22", o) for w, o in ((refused, logged), (other, "sent")) if o]
    shop.office.at_rcpt = lambda recipient: "250 OK"
    assert shop.run(*REMIND, as_of="2026-11-22T15:00").result["sent"] == (logged is None)


@pytest.mark.parametrize(("answer", "again"), [("451 4.3.0 disk full", 1), ("554 5.6.0 spam", 0)])
def test_a_refused_message_is_released_or_logged(shop: Shop, answer: str, again: int) -> None:
    """After its content was offered, a clear no is as good as one before."""
    shop.workflow()
    shop.office.at_data = lambda mail: answer
    assert shop.run(*REMIND).result["sent"] == 0
    shop.office.at_data = lambda mail: "250 OK"
    assert shop.run(*REMIND, as_of="2026-11-22T15:00").result["sent"] == again


@pytest.mark.parametrize(
    ("answer", "code"), [("554 5.7.1 relay access denied", 78), ("550 5.7.1 not from you", 78), ("530 log in", 78)]
)
def test_a_server_that_refuses_us_burns_no_reminder(shop: Shop, answer: str, code: int) -> None:
    """A wrong setting ends the run; once it is fixed everybody gets the mail."""
    shop.workflow()
    shop.office.at_rcpt = lambda recipient: answer
    outcome = shop.run(*REMIND)
    assert (outcome.code, "does not let us send" in outcome.error, shop.log()) == (code, True, [])
    shop.office.at_rcpt = lambda recipient: "250 OK"
    assert shop.run(*REMIND).result["sent"] == 1


def test_a_mail_server_that_is_down_is_transient(shop: Shop) -> None:
    """The Job's own retry, or the next tick, sends; the window stays open."""
    shop.workflow()
    outcome = shop.run(*REMIND, BATON_SMTP_URL="smtp://127.0.0.1:1")
    assert (outcome.code, "127.0.0.1:1 does not answer" in outcome.error) == (75, True)
    assert shop.run(*REMIND).result["sent"] == 1


def test_who_signs_while_the_batch_is_sent_is_not_reminded(shop: Shop) -> None:
    """The claim looks at the workflow once more."""
    first, second = shop.workflow(), shop.workflow()

    def sign(mail: Mail) -> str:
        shop.execute("UPDATE signature_workflows SET status = 'signed' WHERE id = %s", second)
        return "250 OK"

    shop.office.at_data = sign
    assert shop.run(*REMIND).result["sent"] == 1
    assert shop.log() == [(first, "2026-11-22", "sent")]


AWKWARD = ['O\'Brien "Bob"\r\nBcc: x@example.org', "‮evil", "契約書 " * 60, "👩‍👩‍👧 Söhne", "", "%s {0} =?utf-8?q?x?="]


@pytest.mark.parametrize("title", AWKWARD, ids=range(len(AWKWARD)))
def test_titles_as_people_write_them_stay_in_their_place(shop: Shop, title: str) -> None:
    """No header is injected, nothing turns the text around, and the mail is well-formed."""
    shop.workflow(document_title=title)
    assert shop.run(*REMIND).result["sent"] == 1
    message = shop.office.mails[0].message
    assert set(message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    }  # fmt: skip
    assert message.defects == []
    assert "‮" not in message["Subject"] + message.get_content()
    assert shop.office.mails[0].content.isascii()


@pytest.mark.parametrize(
    "address", ["", "nobody", "a b@example.org", "zoë@example.org", "x@exam\nple.org", "a@b@c", "@"]
)
def test_what_is_no_address_is_skipped(shop: Shop, address: str) -> None:
    """It is logged, so it is not looked at every half hour, and it costs nobody else the mail."""
    broken, other = shop.workflow(signer_email=address), shop.workflow()
    result = shop.run(*REMIND).result
    assert (result["sent"], result["skipped"]) == (1, 1)
    assert shop.log() == [(broken, "2026-11-22", "skipped"), (other, "2026-11-22", "sent")]


def test_an_international_domain_is_reached(shop: Shop) -> None:
    """It goes out in its ASCII form."""
    shop.workflow(signer_email="anna@bücher.example")
    assert shop.run(*REMIND).result["sent"] == 1
    assert shop.office.mails[0].recipient == "anna@xn--bcher-kva.example"


def test_nothing_personal_reaches_the_log(shop: Shop) -> None:
    """Neither names nor addresses nor titles, not even when the mail server repeats them."""
    shop.workflow(signer_email="canary@example.org", document_title="canary", signer_name="canary")
    shop.office.at_rcpt = lambda recipient: f"550 5.7.1 <{recipient}> denied"
    refused = shop.run(*REMIND)
    shop.office.at_rcpt = lambda recipient: "250 OK"
    sent = shop.run(*REMIND)
    assert sent.result["sent"] == 1
    assert not [text for o in (refused, sent) for text in (o.stdout, o.stderr) if "canary" in text]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"BATON_SMTP_URL": "mail.example.org"}, "BATON_SMTP_URL is no mail server"),
        ({"BATON_SMTP_URL": ""}, "BATON_SMTP_URL is not set"),
        ({"BATON_MAIL_FROM": "shop"}, "BATON_MAIL_FROM is no mail address"),
        ({"BATON_TIME_ZONE": "Europe/Nowhere"}, "'Europe/Nowhere' is no IANA time zone"),
    ],
)
def test_a_wrong_setting_is_named(shop: Shop, changes: dict[str, str], words: str) -> None:
    """A retry would not help, and the message says which variable it is."""
    outcome = shop.run(*REMIND, **changes)
    assert (outcome.code, words in outcome.error) == (78, True), outcome.stderr
