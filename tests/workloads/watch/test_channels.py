"""Mail, Slack and webhook, delivered to real servers."""

import email
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from tests.workloads.watch.servers import MailServer, WebServer, mail_server, web_server

from baton_workloads.watch.channels import (
    ChannelDownError,
    DeliveryError,
    Mail,
    RefusedError,
    Slack,
    Webhook,
    digest,
    slack_blocks,
)
from baton_workloads.watch.notice import FAILED, Notice

NOTICE = Notice(
    "etl/run/1",
    FAILED,
    "etl failed",
    ("Run x: load failed.", "Free <!channel> space & retry."),
    ("a ``` b",),
    "http://a/b",
)


OK = (200, {}, b'{"ok": true}')


@pytest.fixture
def office() -> Iterator[MailServer]:
    """A mail server that takes everything."""
    with mail_server() as made:
        yield made


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server that says `ok` until a test changes its `respond`."""
    with web_server(lambda method, path: OK) as made:
        yield made


def mail_to_a(office: MailServer, notice: Notice) -> None:
    """One mail by one connection."""
    with closing(Mail("mail", office.url, "baton@localhost", ["a@localhost"])) as mail:
        mail.send(notice, "mail to a@localhost")


def slack_at(web: WebServer) -> Slack:
    """Slack, as that server plays it."""
    return Slack("slack", web.url, "xoxb-1", "#ops")


def test_a_mail_is_the_same_message_however_often_it_is_sent(office: MailServer):
    """Mail programs show one message with one Message-ID once; both forms say the same, and text stays text."""
    for _ in range(2):
        mail_to_a(office, NOTICE)
    first, second = (
        email.message_from_bytes(raw, policy=email.policy.default) for raw in office.messages("a@localhost")
    )

    assert first["Message-ID"] == second["Message-ID"]
    assert "Free <!channel> space & retry." in first.get_body(("plain",)).get_content()
    assert "Free &lt;!channel&gt; space &amp; retry." in first.get_body(("html",)).get_content()


def test_a_slack_message_cannot_call_a_whole_channel(web: WebServer):
    """Signs of a log line or a documentation never become mentions, links or the end of the code block."""
    slack_at(web).send(replace(NOTICE, subject="x.py: <!here> is unknown"), "slack")
    ((_, path, headers, raw),) = web.seen
    body = json.loads(raw)

    assert path == "/chat.postMessage"
    assert body["text"] == "✗ x.py: &lt;!here&gt; is unknown"
    assert headers["Authorization"] == "Bearer xoxb-1"
    texts = [block["text"]["text"] for block in body["blocks"]]
    assert "&lt;!channel&gt;" in texts[1]
    assert texts[2] == "```a ''' b```"
    assert texts[3] == "<http://a/b|Open it in Airflow>"


def test_a_long_notice_stays_within_slacks_limits():
    """Slack refuses a section of more than 3,000 signs altogether."""
    long = Notice("k", FAILED, "s" * 5000, ("w<" * 4000,), tuple("&" * 300 for _ in range(20)), "http://a")

    assert all(len(block["text"]["text"]) <= 3000 for block in slack_blocks(long, "h" * 5000))


def test_a_webhook_gets_a_key_by_which_it_knows_repetitions(web: WebServer):
    """A notice that comes twice can be told from two notices."""
    Webhook("hook", f"{web.url}/in", "t").send(NOTICE, "hook")
    ((_, path, headers, raw),) = web.seen
    body = json.loads(raw)

    assert path == "/in"
    assert headers["Idempotency-Key"] == digest(NOTICE)
    assert headers["Authorization"] == "Bearer t"
    assert body["subject"] == "etl failed"


PAGE = b"<!DOCTYPE html><title>Log in</title>"
LOGIN = {"Location": "https://sso.example.org/login?state=secret"}
FOREIGN = {
    "redirect": ((302, LOGIN, b""), "a redirect to sso.example.org"),
    "redirect with a page": ((303, LOGIN, PAGE), "a redirect"),
    "page": ((200, {"Content-Type": "text/html"}, PAGE), "answers"),
    "page without a type": ((200, {}, b"  <html>"), "answers"),
    "firewall": ((403, {"Content-Type": "text/html"}, PAGE), "answers 403"),
    "not ok": ((200, {}, b'{"ok": false, "error": "account_inactive"}'), "account_inactive"),
    "ended before its end": ((200, {"Content-Length": "100"}, b'{"ok": true'), "does not answer"),
    "no HTTP": (b"SSH-2.0-x\r\n", "does not answer"),
    "no gzip": ((200, {"Content-Encoding": "gzip"}, b"garbage"), "does not answer"),
    "away": ((503, {}, b""), "answers 503"),
}


@pytest.mark.parametrize("kind", ["slack", "hook"])
@pytest.mark.parametrize("name", FOREIGN)
def test_what_somebody_else_answers_is_no_success(web: WebServer, kind: str, name: str):
    """A login page, a proxy, half an answer: the notice waits, and no address of a login is in the log."""
    answer, words = FOREIGN[name]
    web.respond = lambda method, path: answer
    channel = slack_at(web) if kind == "slack" else Webhook("hook", web.url)
    with pytest.raises(DeliveryError, match=words) as caught:
        channel.send(NOTICE, kind)
    assert "secret" not in str(caught.value)
    assert not isinstance(caught.value, RefusedError)


@pytest.mark.parametrize(
    ("content", "words", "of_this_notice"),
    [
        (b'{"ok": false, "error": "channel_not_found"}', "channel_not_found", False),
        (b'{"ok": false, "error": "invalid_blocks"}', "invalid_blocks", True),
        (b'{"ok": false, "error": "\\ud800"}', "Slack refuses", False),
        (b'{"ok": "true"}', "no reason given", False),
        (b"{}", "no reason given", False),
        (b"[]", "no reason given", False),
        (b"ok", "no JSON", False),
        (b"\xff\xfe\xfa", "no JSON", False),
        (b'{"ok": \xff}', "no JSON", False),
        (b"[" * 100_000, "no JSON", False),
        (b"", "no JSON", False),
    ],
)
def test_what_slack_did_not_take_is_said(web: WebServer, content: bytes, words: str, of_this_notice: bool):
    """A wrong channel, and whatever is no answer of Slack, are failures of delivery; some are of one notice only."""
    web.respond = lambda method, path: (200, {}, content)
    with pytest.raises(DeliveryError, match=words) as caught:
        slack_at(web).send(NOTICE, "slack")
    assert caught.value.of_this_notice is of_this_notice


@pytest.mark.parametrize("content", [b"", b"ok", b'{"ok": true}', b'"queued"', b"\xff\x00", b"[" * 100_000])
def test_a_webhook_may_answer_what_it_likes(web: WebServer, content: bytes):
    """Accepted is accepted, with 200 and a word as with 202 and JSON."""
    web.respond = lambda method, path: (202, {}, content)
    Webhook("hook", web.url).send(NOTICE, "hook")


def test_an_answer_without_an_end_is_ended(web: WebServer, monkeypatch: pytest.MonkeyPatch):
    """A byte now and then does not keep the watch from the other recipients."""
    monkeypatch.setattr("baton_workloads.watch.channels.TIMEOUT_SECONDS", 0.5)
    stopped = threading.Event()

    def drip(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        stopped.wait(3)
        return OK

    web.respond = drip
    with pytest.raises(ChannelDownError, match=r"within 0\.5 s"):
        slack_at(web).send(NOTICE, "slack")
    stopped.set()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "nonsense", "http://[", "http://127.0.0.1:99999/", "ftp://x/"])
def test_an_address_without_a_server_is_said(url: str):
    """The notice waits; the token is in no message."""
    with pytest.raises(DeliveryError) as caught:
        Webhook("hook", url, "secret-token").send(NOTICE, "hook")
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize("token", ["xoxb-\u201d", "a\nb"])
def test_a_token_that_fits_into_no_header_is_said(web: WebServer, token: str):
    """Copied with a quotation mark or a line break, it must not end the watch."""
    with pytest.raises(DeliveryError):
        Slack("slack", web.url, token, "#ops").send(NOTICE, "slack")


@pytest.mark.parametrize(
    "text", ["half \ud83d of a sign", "\x00 and \r\nmore", "e\u0301" * 4000, "&" * 9000, "👩‍👩‍👧‍👦" * 900]
)
def test_no_text_keeps_a_notice_from_a_channel(office: MailServer, web: WebServer, text: str):
    """Wherever it stands: half of a surrogate pair, a line break in the subject, letters with accents of their own."""
    notice = Notice(text, FAILED, text, (text, text), (text,), "http://a/b")
    mail_to_a(office, notice)
    Webhook("hook", web.url).send(notice, "hook")
    slack_at(web).send(notice, "slack")

    assert len(office.accepted) == 1
    blocks = json.loads(web.seen[1][3])["blocks"]
    assert max(len(block["text"]["text"].encode("utf-16-le")) // 2 for block in blocks) <= 3000


def test_the_end_of_a_long_log_is_what_slack_gets():
    """The last lines hold the reason; where something was cut, a mark says so."""
    log = tuple(f"line {number} <" + "x" * 280 for number in range(20))
    texts = [block["text"]["text"] for block in slack_blocks(replace(NOTICE, log=(*log, "THE REAL REASON")), "h")]

    assert texts[2].endswith("THE REAL REASON```")
    assert texts[2].startswith("```…")
    assert len(texts[2]) > 2800
    assert "line 19 &lt;" in texts[2]
