"""Reminders: who gets one, when, and what is written down."""

from tests.workloads.signatures.worker import REMIND, TODAY, Shop


def test_a_due_reminder_is_sent_and_logged(shop: Shop) -> None:
    """The signer gets a mail, the log a row with its Message-ID, the result the count."""
    workflow = shop.workflow(due_in=3)
    outcome = shop.run(*REMIND)
    assert (outcome.result["outcome"], outcome.result["sent"]) == ("done", 1), outcome.stderr
    [mail] = shop.office.mails
    assert mail.reader == "signer@example.org"
    assert mail.message["Subject"] == "Reminder: please sign Lease agreement by 25 November 2026"
    assert "in 3 days, on 25 November 2026" in mail.message.get_content()
    rows = shop.query("SELECT workflow_id, reminder_on, recipient, outcome::text, message_id FROM signature_reminders")
    assert rows == [(workflow, TODAY, "signer@example.org", "sent", mail.id)]
