"""Delivery: each channel once for a report, whatever fails or is killed; a real mail server, a real ledger."""

import email
import json
import os
import secrets
import subprocess
import sys
from contextlib import ExitStack
from email import policy
from pathlib import Path

import psycopg
import pytest
from tests.integration.reports.conftest import INCLUDE, free_port, server
from tests.workloads.reports.hostile_texts import hostile

from baton.exceptions import TransientError
from baton.reports.delivery_ledger import DeliveryLedger
from baton_local import mailbox
from baton_local.component import is_healthy
from baton_workloads.reports.publish import publish

ROOT = INCLUDE.parent


def smtp_connection(port: int) -> dict[str, object]:
    """Airflow's connection to a mail server of this machine."""
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "baton@localhost", "retry_limit": 0}
    return {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}


class DeliveryEnvironment:
    """A mail server, Slack's stand-in, and one report that waits for delivery."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.dsn = ""
        self.mail, self.slack = folder / "mail", folder / "slack"
        for made in (self.mail, self.slack):
            made.mkdir()
        self._token = f"xoxb-{secrets.token_hex(8)}"
        credentials = folder / "credentials"
        credentials.write_text(json.dumps({"slack_token": self._token}))
        self._said = folder / "said"
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'plugins'}{os.pathsep}{ROOT / 'include'}"}
        script = [sys.executable, str(Path(__file__).parent / "sending.py")]
        self._process = stack.enter_context(
            subprocess.Popen(script, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        self._ports = {"mail": free_port(), "slack": free_port(), "nobody": free_port()}
        mail_words, slack_words = [str(self.mail)], [str(credentials), str(self.slack)]
        stack.enter_context(server("mailbox", self._ports["mail"], *mail_words, is_ready=mailbox.is_ready))
        stack.enter_context(server("slack", self._ports["slack"], *slack_words, is_ready=is_healthy))
        publish(hostile(), f"file://{folder}")
        self.manifest = folder / "hostile" / "2026-11-21" / "manifest.json"

    def clear(self) -> None:
        """Forget what arrived."""
        for path in [*self.mail.iterdir(), *self.slack.iterdir()]:
            path.unlink()

    def deliver(self, *recipients: str, kill_after: str = "", missing: str = "") -> "subprocess.CompletedProcess[str]":
        """One try, in a process of its own.

        :param recipients: of the mail.
        :param kill_after: channel after whose acceptance the process ends by SIGKILL.
        :param missing: channel whose server does not answer.
        """
        recipients = recipients or ("sales@localhost",)
        ports = {**self._ports, **({missing: self._ports["nobody"]} if missing else {})}
        environment = {
            "SAID": str(self._said),
            "MANIFEST": str(self.manifest),
            "REGISTRY_DSN": self.dsn,
            "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(smtp_connection(ports["mail"])),
            "RECIPIENTS": ",".join(recipients),
            "SLACK_URL": f"http://127.0.0.1:{ports['slack']}/api/",
            "SLACK_TOKEN": self._token,
            "KILL_AFTER": kill_after,
        }
        self._process.stdin.write(json.dumps(environment) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return subprocess.CompletedProcess([], code, stderr=self._said.read_text())

    def mails(self) -> list:
        """The messages that arrived."""
        read = [path.read_bytes() for path in sorted(self.mail.glob("*.eml"))]
        return [email.message_from_bytes(content, policy=policy.default) for content in read]

    def posts(self) -> list:
        """The messages that were posted."""
        return [json.loads(path.read_text()) for path in sorted(self.slack.glob("*-C0SALES.json"))]

    def registered(self):
        """The report as the ledger knows it."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return DeliveryLedger(connection).find("hostile/2026-11-21")

    def states(self) -> dict[str, tuple[str, int]]:
        """Channel → state and attempts."""
        return {item.channel: (item.state, item.attempts) for item in self.registered().deliveries}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with ExitStack() as stack:
        yield DeliveryEnvironment(tmp_path_factory.mktemp("delivery"), stack)


@pytest.fixture
def around(servers, database):
    servers.dsn = database
    servers.clear()
    return servers


def test_a_report_reaches_each_channel_once(around):
    """A second run finds it sent. The ledger knows files, recipients and state."""
    for _ in range(2):
        done = around.deliver()
        assert done.returncode == 0, done.stderr
    assert (len(around.mails()), len(around.posts())) == (1, 1)
    assert around.states() == {"mail:sales@localhost": ("sent", 1), "slack:C0SALES": ("sent", 1)}
    found = around.registered()
    assert (found.state, found.attempts, found.recipients["mail"]) == ("delivered", 2, ["sales@localhost"])
    assert {file["kind"] for file in found.files} >= {"pdf", "mail", "page", "slack"}


def test_a_mail_has_all_of_the_report(around):
    """HTML with its pictures, plain text, the PDF, and one line for each header whatever is in the title."""
    around.deliver()
    [mail] = around.mails()
    kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "image/png", "image/png", "application/pdf"]
    html = mail.get_body(("html",)).get_content()
    pictures = [part["Content-ID"].strip("<>") for part in mail.walk() if part.get_content_type() == "image/png"]
    assert [f'src="cid:{name}"' in html for name in pictures] == [True, True]
    [paper] = [part for part in mail.iter_attachments()]
    assert paper.get_content().startswith(b"%PDF")
    assert mail["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(("missing", "there"), [("mail", "slack"), ("slack", "mail")])
def test_a_channel_that_fails_is_the_only_one_that_is_tried_again(around, missing, there):
    """The report is not lost, the ledger says which channel failed, and the other one is not used twice."""
    failed = around.deliver(missing=missing)
    assert failed.returncode == 1
    assert "its files are kept" in failed.stderr
    assert around.registered().state == "failed"
    assert around.deliver().returncode == 0
    assert (len(around.mails()), len(around.posts())) == (1, 1)
    assert around.registered().state == "delivered"
    attempts = {name.partition(":")[0]: count for name, (_, count) in around.states().items()}
    assert (attempts[there], attempts[missing]) == (1, 2)


def test_a_mail_in_doubt_is_sent_under_the_same_name(around):
    """Killed between acceptance and record: SMTP cannot be asked, so it goes again, as the same mail."""
    assert around.deliver(kill_after="mail").returncode == -9
    assert around.states() == {"mail:sales@localhost": ("sending", 1)}
    assert around.deliver().returncode == 0
    assert len({mail["Message-ID"] for mail in around.mails()}) == 1
    assert len(around.posts()) == 1
    assert around.states() == {"mail:sales@localhost": ("sent", 2), "slack:C0SALES": ("sent", 1)}


def test_a_slack_message_in_doubt_is_looked_for(around):
    """Killed right after Slack had it: the next try finds it there and posts nothing."""
    assert around.deliver(kill_after="slack").returncode == -9
    assert around.deliver().returncode == 0
    assert (len(around.mails()), len(around.posts())) == (1, 1)
    assert around.states()["slack:C0SALES"][0] == "sent"


def test_two_senders_at_once_do_not_send_twice(database):
    """The second is told to come later; what it finds then is sent."""
    with psycopg.connect(database, autocommit=True) as one, psycopg.connect(database, autocommit=True) as other:
        first, second = DeliveryLedger(one), DeliveryLedger(other)
        first.prepare()
        second.prepare()
        manifest = {"report_id": "r/1", "name": "r", "period": "1", "period_label": "1", "title": "R", "files": []}
        first.register(manifest, {}, "dag/run")
        with first.claim("r/1", "mail", "<id>") as claim:
            assert not claim.is_sent
            with pytest.raises(TransientError, match="another run"), second.claim("r/1", "mail", "<id>"):
                pass
            first.sent("r/1", "mail")
        with second.claim("r/1", "mail", "<id>") as claim:
            assert claim.is_sent


def test_the_registry_lists_what_a_caller_asks_for(database):
    """By name and by state, the newest first, in pages."""
    with psycopg.connect(database, autocommit=True) as connection:
        ledger = DeliveryLedger(connection)
        ledger.prepare()
        for name, period in (("a", "1"), ("a", "2"), ("b", "1")):
            manifest = {"report_id": f"{name}/{period}", "name": name, "period": period, "period_label": period,
                        "title": name, "files": []}  # fmt: skip
            ledger.register(manifest, {"mail": ["x@y.z"]}, "dag/run")
        ledger.settle("a/1", delivered=True)
        assert [found.report_id for found in ledger.reports()] == ["b/1", "a/2", "a/1"]
        assert [found.report_id for found in ledger.reports(name="a", limit=1, offset=1)] == ["a/1"]
        assert [found.report_id for found in ledger.reports(state="delivered")] == ["a/1"]
        assert ledger.find("c/1") is None
