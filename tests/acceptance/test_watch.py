"""Failures, recoveries and a dead scheduler, told by the stack's own watch."""

import email
import email.policy
import json
from email.message import EmailMessage

from tests.acceptance.chain import await_value

from baton_local.stack import Stack

DAG_ID = "fail_at_will"


def run(stack: Stack, *, fails: bool) -> str:
    """Run the DAG to its end; returns the run's id."""
    body = {"logical_date": None, "conf": {"fails": fails}}
    run_id: str = stack.api.call("POST", f"/dags/{DAG_ID}/dagRuns", json=body)["dag_run_id"]
    await_value(lambda: stack.api.run(DAG_ID, run_id)["state"] in ("success", "failed"), 90)
    return run_id


def mails(stack: Stack, subject: str) -> list[EmailMessage]:
    """Messages about the DAG with these words in their subject."""
    found = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in sorted(stack.layout.mail.glob("*.eml"))
    ]
    return [mail for mail in found if f"{DAG_ID} {subject}" in str(mail["Subject"])]


def recipients(found: list[EmailMessage]) -> list[str]:
    """Whom messages went to."""
    return sorted(str(mail["To"]) for mail in found)


def text(mail: EmailMessage) -> str:
    """The plain form of a message."""
    return str(mail.get_body(("plain",)).get_content())


def test_failures_recovery_and_escalation_are_told_once(stack: Stack):
    """Each failed run makes one mail and one Slack message, the third also wakes those on call, the end is reported."""
    stack.api.unpause(DAG_ID)
    first = run(stack, fails=True)
    mail = await_value(lambda: mails(stack, "failed"), 60)[0]
    assert first in text(mail)
    assert "because it was told to <b>fail</b>" in text(mail)
    assert "Turn it off & on again." in text(mail)
    assert f"{stack.airflow.url}/dags/{DAG_ID}/runs/" in text(mail)
    assert "&lt;b&gt;fail&lt;/b&gt;" in str(mail.get_body(("html",)).get_content())

    for _ in range(2):
        run(stack, fails=True)
    await_value(
        lambda: recipients(mails(stack, "failed (3 times in a row)")) == ["on-call@localhost", "operators@localhost"],
        60,
    )
    run(stack, fails=False)
    await_value(lambda: len(mails(stack, "works again")) == 2, 60)

    texts = [json.loads(path.read_text())["text"] for path in sorted(stack.layout.slack.glob("*-_failures.json"))]
    assert [line for line in texts if DAG_ID in line] == [
        f"✗ {DAG_ID} failed", f"✗ {DAG_ID} failed (2 times in a row)", f"✗ {DAG_ID} failed (3 times in a row)",
        f"✓ {DAG_ID} works again",
    ]  # fmt: skip
    assert len(mails(stack, "failed")) == 4
