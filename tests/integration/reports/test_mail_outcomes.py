"""Each recipient of a report has an outcome of its own: a real mail server that answers by recipient, a real ledger."""

import json
import smtplib

import psycopg
import pytest
from tests.integration.reports.test_delivery import smtp_connection
from tests.workloads.watch.servers import DROP, mail_server

from baton.exceptions import PermanentError, TransientError
from baton.notifications.mail_server import MessageHook
from baton.reports.delivery import RenderedReport, deliver
from baton.reports.delivery_ledger import DeliveryLedger
from baton.reports.mail import MailChannel

A, B, C = "a@localhost", "b@localhost", "c@localhost"
MANIFEST = {"report_id": "r/1", "name": "r", "period": "1", "period_label": "1", "title": "R", "files": []}
REPORT = RenderedReport("r/1", "R", "1", "headline", {"text": b"hello"}.get)


class Scene:
    """One report for three recipients; each try is a task's own."""

    def __init__(self, office, ledger, monkeypatch):
        self.office, self.ledger = office, ledger
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(smtp_connection(office.port)))
        ledger.prepare()

    def deliver(self, *recipients):
        server, everybody = MessageHook(), recipients or (B, A, C)
        self.ledger.register(MANIFEST, {"mail": list(everybody)}, "dag/run")
        return deliver(REPORT, [MailChannel(recipient, server, everybody) for recipient in everybody], self.ledger)

    def got(self):
        return [len(self.office.messages(recipient)) for recipient in (A, B, C)]

    def states(self):
        return {item.channel: item.state for item in self.ledger.find("r/1").deliveries}


@pytest.fixture
def scene(database, monkeypatch):
    with mail_server() as office, psycopg.connect(database, autocommit=True) as connection:
        yield Scene(office, DeliveryLedger(connection), monkeypatch)


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("RCPT", "550 5.1.1 no such user"), ("RCPT", "552 5.2.2 mailbox full"), ("RCPT", "554 5.7.1 no"),
        ("RCPT", "550 5.7.1 not from you"), ("DATA", "554 5.6.0 spam"), ("DATA", "552 5.2.2 full"),
    ],
)  # fmt: skip
def test_a_recipient_who_is_refused_for_good_is_let_go_by_name(scene, caplog, step, answer):
    """The task succeeds, and says who got nothing; the others have it once."""
    scene.office.answers[f"{step} {B}"] = answer
    outcome = scene.deliver()
    assert scene.got() == [1, 0, 1]
    assert list(outcome.refused) == [f"mail:{B}"]
    assert f"mail:{B} is refused for good" in caplog.text
    assert scene.ledger.find("r/1").state == "delivered"
    scene.office.answers.clear()
    scene.deliver()
    assert scene.got() == [1, 1, 1], "whoever clears the task reaches the recipient who is there again"


@pytest.mark.parametrize(
    ("step", "answer", "state"),
    [
        ("RCPT", "451 4.7.1 greylisted", "failed"), ("RCPT", "421 busy", "failed"), ("RCPT", DROP, "failed"),
        ("RCPT", "hello?", "sending"), ("DATA", "451 later", "failed"), ("DATA", DROP, "sending"),
    ],
)  # fmt: skip
def test_a_recipient_who_is_put_off_is_the_only_one_who_is_tried_again(scene, step, answer, state):
    """By the task's next try."""
    scene.office.answers[f"{step} {B}"] = answer
    for _ in range(2):
        with pytest.raises(TransientError, match=f"mail:{B}"):
            scene.deliver()
    assert scene.got() == [1, 0, 1]
    assert scene.states() == {f"mail:{A}": "sent", f"mail:{B}": state, f"mail:{C}": "sent"}
    scene.office.answers.clear()
    scene.deliver()
    assert scene.got() == [1, 1, 1]
    assert scene.ledger.find("r/1").state == "delivered"


def test_a_message_in_doubt_is_the_same_message(scene):
    """Taken without a word: at least once, under one Message-ID."""
    scene.office.answers[f"DATA {B}"] = f"250 {DROP}"
    with pytest.raises(TransientError):
        scene.deliver()
    scene.office.answers.clear()
    scene.deliver()
    assert scene.got() == [1, 2, 1]
    assert len({raw.split(b"Message-ID: ")[1].split()[0] for _, raw in scene.office.accepted}) == 1


@pytest.mark.parametrize(
    ("step", "answer", "error"),
    [
        ("greeting", "554 no service", TransientError), ("greeting", DROP, TransientError),
        ("MAIL", "451 later", TransientError), ("MAIL", "550 you?", PermanentError), ("MAIL", DROP, TransientError),
        ("RCPT", "550 blocked", PermanentError), ("RCPT", "451 later", TransientError), ("RCPT", DROP, TransientError),
    ],
)  # fmt: skip
def test_what_hits_everybody_fails_the_task(scene, step, answer, error):
    """It is a failure of the report, tried again where that may help."""
    scene.office.answers[step] = answer
    with pytest.raises(error) as caught:
        scene.deliver()
    assert type(caught.value) is error
    assert scene.got() == [0, 0, 0]
    scene.office.answers.clear()
    scene.deliver()
    assert scene.got() == [1, 1, 1]


def test_a_word_that_is_no_address_keeps_nothing_from_the_others(scene):
    """It fails the task by name, after the others have their mail."""
    for wrong in ("sales at localhost", "přítel@localhost"):
        with pytest.raises(PermanentError, match="is no mail address"):
            scene.deliver(wrong, A, C)
    assert scene.got() == [1, 0, 1]


def test_what_was_once_recorded_for_all_recipients_is_not_sent_again(scene):
    """Reports from before each recipient had a record."""
    scene.ledger.register(MANIFEST, {"mail": [A]}, "dag/run")
    with scene.ledger.claim("r/1", "mail", "<id>"):
        scene.ledger.sent("r/1", "mail")
    assert scene.deliver().sent == {f"mail:{recipient}": "sent before" for recipient in (A, B, C)}
    assert scene.got() == [0, 0, 0]


def test_a_server_that_is_away_is_asked_once_for_all_recipients(scene, monkeypatch):
    """A time-out for each of twenty recipients would outlast the task."""
    asked = []

    def refuse(self):
        asked.append(1)
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(MessageHook, "_build_client", refuse)
    with pytest.raises(TransientError, match="does not answer"):
        scene.deliver()
    assert len(asked) == 1
