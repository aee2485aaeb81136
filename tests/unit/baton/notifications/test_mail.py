"""Mails about failed tasks and late runs, received by a real mail server."""

import asyncio
import email
import json
from dataclasses import dataclass

import pytest
from aiosmtpd.controller import Controller
from airflow.sdk import DAG
from tests.workloads.watch.servers import mail_server

from baton.notifications.deadline import mail_missed_deadline
from baton.notifications.failure import FailureNotifier


class Inbox:
    """Keeps what was sent."""

    def __init__(self):
        self.messages = []

    async def handle_DATA(self, server, session, envelope):
        self.messages.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 OK"


def point_smtp_at(monkeypatch, port, **extra):
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "baton@localhost", **extra}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Further tries come at once."""
    monkeypatch.setattr("baton.notifications.mail.WAITS", (0.0, 0.0))


@pytest.fixture
def inbox(monkeypatch, unused_tcp_port):
    """A mail server, and the connection smtp_default that leads to it."""
    inbox = Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=unused_tcp_port)
    server.start()
    point_smtp_at(monkeypatch, unused_tcp_port, to_email="oncall@localhost, lead@localhost")
    yield inbox
    server.stop()


@dataclass
class TaskInstance:
    dag_id: str = "load_warehouse"
    task_id: str = "orders.load"
    run_id: str = "manual__1"
    try_number: int = 3
    log_url: str = "http://localhost/dags/load_warehouse/runs/manual__1/tasks/orders.load"


def context(error="pod x ended with exit code 75: error: the warehouse is away\nsecond line"):
    dag = DAG("load_warehouse", doc_md="## If it fails\nClear the task.\n\n## Params\nNone.")
    return {"ti": TaskInstance(), "dag": dag, "exception": RuntimeError(error)}


def text_of(message):
    part = next(part for part in message.walk() if part.get_content_type() == "text/html")
    return part.get_payload(decode=True).decode()


def test_failure_mail_tells_what_failed_and_what_to_do(inbox):
    """Task, link to the log, the error's first line and the DAG's own advice."""
    FailureNotifier()(context())
    (first, message), (second, same) = inbox.messages
    assert (first, second) == (["oncall@localhost"], ["lead@localhost"])
    assert message["Message-ID"] == same["Message-ID"]
    assert message["Subject"] == "[Baton] load_warehouse.orders.load failed"
    text = text_of(message)
    assert TaskInstance.log_url in text
    assert "error: the warehouse is away" in text
    assert "second line" not in text
    assert "Clear the task." in text
    assert "Params" not in text


def test_markup_in_an_error_is_only_text(inbox):
    """A mail program must not run what a pod wrote."""
    FailureNotifier()(context("<script>alert(1)</script>"))
    assert "<script>" not in text_of(inbox.messages[0][1])


def test_unreachable_mail_server_does_not_fail_the_task_again(monkeypatch, unused_tcp_port):
    """One failure must not become two."""
    point_smtp_at(monkeypatch, unused_tcp_port, to_email="oncall@localhost", retry_limit=0)
    FailureNotifier()(context())


def test_connection_without_recipients_does_not_fail_the_task_again(inbox, monkeypatch, unused_tcp_port):
    """It is logged, nothing is sent."""
    point_smtp_at(monkeypatch, unused_tcp_port)
    FailureNotifier()(context())
    assert inbox.messages == []


@pytest.mark.parametrize(
    ("answers", "tries"),
    [
        (["550 5.1.1 no such user"], 1), (["552 5.2.2 mailbox full"], 1), (["554 5.7.1 no"], 1),
        (["451 greylisted"], 3), (["451 greylisted", "250 OK"], 2), (["drop"], 3), (["drop", "250 OK"], 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["failure", "deadline"])
async def test_each_recipient_has_an_outcome_of_its_own(monkeypatch, caplog, answers, tries, form):
    """Nobody hears twice, who is put off is tried again, and the log names who got nothing and why."""
    with mail_server() as office:
        point_smtp_at(monkeypatch, office.port, to_email="gone@localhost, lead@localhost")
        left = list(answers)
        office.answer_with("RCPT gone@localhost", lambda: left.pop(0) if len(left) > 1 else left[0])
        if form == "failure":
            await asyncio.to_thread(FailureNotifier(), context())
        else:
            await mail_missed_deadline(limit="1 hour", context={})
        assert len(office.messages("lead@localhost")) == 1
        assert len(office.messages("gone@localhost")) == (answers[-1] == "250 OK")
        assert office.asked.count("RCPT gone@localhost") == tries
    assert ("gone@localhost got no mail" in caplog.text) == (answers[-1] != "250 OK")
    assert "lead@localhost got no mail" not in caplog.text


async def test_missed_deadline_is_mailed_without_blocking(inbox):
    """The triggerer awaits it."""
    run = {"dag_id": "load_warehouse", "dag_run_id": "scheduled__1"}
    await mail_missed_deadline(limit="2 hours after it was queued", context={"dag_run": run, "deadline": {}})
    (_, message), _ = inbox.messages
    assert message["Subject"] == "[Baton] load_warehouse is late"
    assert "2 hours after it was queued" in text_of(message)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("running", "It still runs."),
        ("queued", "It waits to be started."),
        ("failed", "It failed at 2026-11-30T01:00:00Z."),
    ],
)
async def test_missed_deadline_says_what_the_run_does(inbox, state, words):
    """The deadline of a run that failed hours ago passes, too."""
    run = {"dag_id": "d", "dag_run_id": "r", "state": state, "end_date": "2026-11-30T01:00:00Z"}
    await mail_missed_deadline(limit="2 hours after it was queued", context={"dag_run": run})
    (_, message), *_ = inbox.messages
    assert words in text_of(message)


async def test_missed_deadline_that_cannot_be_mailed_is_only_logged(monkeypatch, unused_tcp_port):
    """The triggerer goes on."""
    point_smtp_at(monkeypatch, unused_tcp_port, to_email="oncall@localhost")
    await mail_missed_deadline(limit="1 hour", context={})
