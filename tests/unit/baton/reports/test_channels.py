"""How the answers of a mail server and of Slack are understood: for good, for now, or in doubt."""

import json
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from types import SimpleNamespace

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from tests.workloads.watch.servers import web_server

from baton.exceptions import InDoubtError, PermanentError, TransientError
from baton.notifications.mail_server import MailRecipientRefusedError
from baton.reports.delivery import RecipientRefusedError, RenderedReport
from baton.reports.files import link_lifetime
from baton.reports.mail import MailChannel
from baton.reports.slack import SlackChannel

PDF = b"%PDF-1.7"
FILES = {"mail": b"<p>hello</p>", "text": b"hello", "slack": json.dumps({"text": "t", "blocks": [{}] * 50}).encode()}


def session(ends):
    """Credentials of a role that end at a moment."""
    return RefreshableCredentials("id", "secret", "token", ends, dict, "sts", time_fetcher=lambda: NOW)


def report(**more):
    values = {
        "report_id": "sales/2026-11-21",
        "title": "Sales\r\nBcc: everybody@example.org",
        "period_label": "a day",
        "headline": "h",
        "read": FILES.get,
        "links": {"PDF": "https://x/1"},
    }
    return RenderedReport(**{**values, **more})


class Server:
    """A mail server that answers as it is told."""

    sender = "Baton <baton@example.org>"

    def __init__(self, answer=None):
        self.answer, self.sent = answer, []

    def send_message(self, message: EmailMessage, recipient: str):
        if self.answer:
            raise self.answer
        self.sent.append(message)


def test_a_recipient_who_is_refused_is_a_matter_of_that_reader():
    """The ledger and the log name them; the sender's other failures stay what they are."""
    with pytest.raises(RecipientRefusedError, match=r"a@example\.org"):
        MailChannel("a@example.org", Server(MailRecipientRefusedError("refuses a@example.org"))).send(report())
    with pytest.raises(TransientError, match="later"):
        MailChannel("a@example.org", Server(TransientError("later"))).send(report())


def test_a_title_cannot_begin_a_header():
    """A line break in data is a blank in the subject."""
    server = Server()
    MailChannel("a@example.org", server).send(report())
    [message] = server.sent
    assert message["Subject"] == "Sales Bcc: everybody@example.org: a day"
    assert message["Bcc"] is None
    assert "https://x/1" in message.get_body(("plain",)).get_content()


def test_a_message_is_named_by_report_and_sender():
    """The same again, and for each recipient of it; another one for another report."""
    ids = {MailChannel(recipient, Server()).reference(report()) for recipient in ("a@example.org", "b@example.org")}
    assert len(ids) == 1
    assert ids.pop().endswith("@example.org>")
    assert len({MailChannel("a@x.org", Server()).reference(report(report_id=name)) for name in "ab"}) == 2


def test_a_wrong_address_is_named():
    """Before anything is sent."""
    with pytest.raises(PermanentError, match="no mail address"):
        MailChannel("sales at example", Server()).send(report())


class Slack:
    """A client that answers as it is told."""

    def __init__(self, error="", status=200, messages=()):
        self.error, self.status, self.messages, self.posted = error, status, messages, []

    def chat_postMessage(self, **words):
        if self.error:
            raise SlackApiError("refused", SimpleNamespace(get=lambda _: self.error, status_code=self.status))
        self.posted.append(words)

    def conversations_history(self, **_):
        if self.error:
            raise SlackApiError("refused", SimpleNamespace(get=lambda _: self.error, status_code=self.status))
        return {"messages": list(self.messages)}


@pytest.mark.parametrize(
    ("slack", "error"),
    [
        (Slack("channel_not_found"), PermanentError),
        (Slack("invalid_auth"), PermanentError),
        (Slack("ratelimited", 429), TransientError),
        (Slack("internal_error"), InDoubtError),
        (Slack("service_unavailable", 503), InDoubtError),
        (Slack("Received a response in a non-JSON format: <!DOCTYPE html>"), InDoubtError),
        (Slack(), None),
    ],
)
def test_what_slack_answers_decides_about_the_next_try(slack, error):
    """Its word counts, and 5xx."""
    channel = SlackChannel(lambda: slack, "C1")
    if error is None:
        channel.send(report())
        return
    with pytest.raises(error) as caught:
        channel.send(report())
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><title>Log in</title>", b"ok", b"[]", b"1", b"null", b"\xff\xfe", b"[" * 100_000, b"",
        b'{"ok": "', b'{"ok": false, "error": ["x"]}',
    ],
)  # fmt: skip
def test_what_somebody_else_answers_in_slacks_place_is_no_success_and_no_refusal(content):
    """By Slack's own client: perhaps it arrived, so it is looked for and tried again."""
    with web_server(lambda method, path: (200, {"Content-Type": "text/html"}, content)) as web:
        channel = SlackChannel(lambda: WebClient("xoxb-1", base_url=f"{web.url}/"), "C1")
        with pytest.raises(InDoubtError):
            channel.send(report())
        assert channel.was_sent(report(), datetime(2026, 11, 21, tzinfo=UTC)) is False


def test_links_fit_into_slacks_limits():
    """Fifty blocks with them, each link a text of its own; one that is too long is named, not sent."""
    slack = Slack()
    links = {"PDF": "https://x/" + "p" * 2000, "Page": "https://x/" + "h" * 2000, "Data": "https://x/" + "d" * 3000}
    SlackChannel(lambda: slack, "C1").send(report(links=links, links_work="for a while"))
    [words] = slack.posted
    assert len(words["blocks"]) == 50
    texts = [element["text"] for element in words["blocks"][-1]["elements"]]
    assert [len(text) <= 3000 for text in texts] == [True] * 4
    assert [text[-5:] for text in texts[:2]] == ["|PDF>", "Page>"]
    assert texts[2:] == ["Data: its address is too long for Slack", "(they work for a while)"]
    assert words["metadata"]["event_payload"] == {"report_id": "sales/2026-11-21"}


NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (None, "for 7 days"),
        (Credentials("id", "secret"), "for 7 days"),
        (Credentials("id", "secret", "token"), "for some hours at most"),
        (session(NOW + timedelta(hours=1)), "until 2026-11-22 03:00 UTC at most"),
        (session(NOW + timedelta(days=30)), "for 7 days"),
    ],
)
def test_a_link_lives_no_longer_than_the_credentials_that_signed_it(credentials, words):
    """What the reader is told is what the store does."""
    assert link_lifetime(credentials, NOW).startswith(words)


def about(report_id):
    """A message in a channel's history."""
    return {"metadata": {"event_type": "baton_report", "event_payload": {"report_id": report_id}}}


@pytest.mark.parametrize(
    ("slack", "found"),
    [
        (Slack(messages=[about("sales/2026-11-21")]), True),
        (Slack(messages=[about("other"), {}]), False),
        (Slack("missing_scope"), False),
    ],
)
def test_a_message_in_doubt_is_known_by_its_metadata(slack, found):
    """Where Slack does not tell, it counts as not sent."""
    assert SlackChannel(lambda: slack, "C1").was_sent(report(), datetime(2026, 11, 21, tzinfo=UTC)) is found
