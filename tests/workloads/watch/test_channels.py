"""Mail, Slack and webhook, delivered to real servers."""

import email
import email.policy
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller

from baton_workloads.watch.channels import DeliveryError, Mail, Slack, Webhook, digest, slack_blocks
from baton_workloads.watch.notice import FAILED, Notice

NOTICE = Notice(
    "etl/run/1",
    FAILED,
    "etl failed",
    ("Run x: load failed.", "Free <!channel> space & retry."),
    ("a ``` b",),
    "http://a/b",
)


class Sink:
    """Keeps what an SMTP server gets; refuses readers whose name begins with `no`."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("no"):
            return "550 5.1.1 unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.messages.append(envelope.content)
        return "250 OK"


@pytest.fixture
def mail_server() -> Iterator[tuple[str, Sink]]:
    """Address of a server that runs, and what it keeps."""
    sink = Sink()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}", sink
    finally:
        controller.stop()


@pytest.fixture
def web_server() -> Iterator[HTTPServer]:
    """A server that keeps requests in `seen` and answers with its `answer`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.seen.append((self.path, dict(self.headers), body))
            code, answer = self.server.answer
            self.send_response(code)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.answer = [], (200, b'{"ok": true}')
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server: HTTPServer) -> str:
    """Where a server listens."""
    return f"http://127.0.0.1:{server.server_port}"


def test_a_mail_is_the_same_message_however_often_it_is_sent(mail_server: tuple[str, Sink]):
    """Mail programs show one message with one Message-ID once; both forms say the same, and text stays text."""
    url, sink = mail_server
    for _ in range(2):
        Mail("mail", url, "baton@localhost", ["a@localhost"]).send(NOTICE)
    first, second = (email.message_from_bytes(raw, policy=email.policy.default) for raw in sink.messages)

    assert first["Message-ID"] == second["Message-ID"]
    assert "Free <!channel> space & retry." in first.get_body(("plain",)).get_content()
    assert "Free &lt;!channel&gt; space &amp; retry." in first.get_body(("html",)).get_content()


def test_one_unknown_reader_does_not_keep_it_from_the_others(mail_server: tuple[str, Sink]):
    """Somebody who left must not silence the team; nobody at all is an error."""
    url, sink = mail_server
    Mail("mail", url, "baton@localhost", ["nobody@localhost", "a@localhost"]).send(NOTICE)
    assert len(sink.messages) == 1
    with pytest.raises(DeliveryError, match="none of 1 readers"):
        Mail("mail", url, "baton@localhost", ["nobody@localhost"]).send(NOTICE)


def test_a_slack_message_cannot_call_a_whole_channel(web_server: HTTPServer):
    """Signs of a log line or a documentation never become mentions, links or the end of the code block."""
    Slack("slack", address(web_server), "xoxb-1", "#ops").send(replace(NOTICE, subject="x.py: <!here> is unknown"))
    ((path, headers, body),) = web_server.seen

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


def test_a_webhook_gets_a_key_by_which_it_knows_repetitions(web_server: HTTPServer):
    """A notice that comes twice can be told from two notices."""
    Webhook("hook", f"{address(web_server)}/in", "t").send(NOTICE)
    ((path, headers, body),) = web_server.seen

    assert path == "/in"
    assert headers["Idempotency-Key"] == digest(NOTICE)
    assert headers["Authorization"] == "Bearer t"
    assert body["subject"] == "etl failed"


@pytest.mark.parametrize(
    ("answer", "words", "of_this_notice"),
    [
        ((200, b'{"ok": false, "error": "channel_not_found"}'), "channel_not_found", False),
        ((200, b'{"ok": false, "error": "invalid_blocks"}'), "invalid_blocks", True),
        ((500, b""), "answers 500", False),
        ((413, b""), "answers 413", True),
        ((200, b"<html>"), "no JSON", False),
    ],
)
def test_what_slack_did_not_take_is_said(
    web_server: HTTPServer, answer: tuple[int, bytes], words: str, of_this_notice: bool
):
    """A wrong channel, an outage and a proxy's page are failures of delivery; some are of one notice only."""
    web_server.answer = answer
    with pytest.raises(DeliveryError, match=words) as caught:
        Slack("slack", address(web_server), "xoxb-1", "#ops").send(NOTICE)
    assert caught.value.of_this_notice is of_this_notice


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "nonsense"])
def test_an_address_without_a_server_is_said(url: str):
    """The notice waits; the token is in no message."""
    with pytest.raises(DeliveryError) as caught:
        Webhook("hook", url, "secret-token").send(NOTICE)
    assert "secret-token" not in str(caught.value)
