"""How the answers of a mail server and of Slack are understood: for good, for now, or in doubt."""

import json
import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from types import SimpleNamespace

import pytest
from slack_sdk.errors import SlackApiError

from baton.exceptions import PermanentError, TransientError
from baton.reports.delivery import InDoubtError, Parcel
from baton.reports.mail import MailChannel
from baton.reports.slack import SlackChannel

PDF = b"%PDF-1.7"
FILES = {"mail": b"<p>hello</p>", "text": b"hello", "slack": json.dumps({"text": "t", "blocks": [{}] * 50}).encode()}


def parcel(**more):
    values = {
        "report_id": "sales/2026-11-21",
        "title": "Sales\r\nBcc: everybody@example.org",
        "period_label": "a day",
        "headline": "h",
        "read": FILES.get,
        "links": {"PDF": "https://x/1"},
    }
    return Parcel(**{**values, **more})


class Server:
    """A mail server that answers as it is told."""

    sender = "Baton <baton@example.org>"

    def __init__(self, answer=None):
        self.answer, self.sent = answer, []

    def send_message(self, message: EmailMessage):
        if isinstance(self.answer, Exception):
            raise self.answer
        self.sent.append(message)
        return self.answer or {}


REFUSED = {"a@example.org": (550, b"no such user")}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (smtplib.SMTPRecipientsRefused(REFUSED), PermanentError),
        (smtplib.SMTPRecipientsRefused({"a@example.org": (451, b"later")}), TransientError),
        (smtplib.SMTPSenderRefused(550, b"", "x"), PermanentError),
        (smtplib.SMTPDataError(452, b"full"), TransientError),
        (smtplib.SMTPDataError(554, b"spam"), PermanentError),
        (smtplib.SMTPServerDisconnected("gone"), InDoubtError),
        (TimeoutError(), InDoubtError),
    ],
)
def test_what_a_mail_server_answers_decides_about_the_next_try(answer, error):
    """Only what broke in the middle is in doubt."""
    with pytest.raises(error) as caught:
        MailChannel(["a@example.org"], Server(answer)).send(parcel())
    assert type(caught.value) is error


def test_readers_who_are_refused_are_named():
    """The others have the mail."""
    assert (
        MailChannel(["a@example.org", "b@example.org"], Server(REFUSED)).send(parcel()) == "refused for a@example.org"
    )


def test_a_title_cannot_begin_a_header():
    """A line break in data is a blank in the subject."""
    server = Server()
    MailChannel(["a@example.org"], server).send(parcel())
    [message] = server.sent
    assert message["Subject"] == "Sales Bcc: everybody@example.org: a day"
    assert message["Bcc"] is None
    assert "https://x/1" in message.get_body(("plain",)).get_content()


def test_a_message_is_named_by_report_and_readers():
    """The same again for the same, another one for others."""
    first, again = (MailChannel(["a@example.org"], Server()).reference(parcel()) for _ in range(2))
    other = MailChannel(["b@example.org"], Server()).reference(parcel())
    assert first == again != other
    assert first.endswith("@example.org>")


def test_a_wrong_address_is_named():
    """Before anything is sent."""
    with pytest.raises(PermanentError, match="no mail address"):
        MailChannel(["sales at example"], Server()).send(parcel())


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
        (Slack(), None),
    ],
)
def test_what_slack_answers_decides_about_the_next_try(slack, error):
    """Its word counts, and 5xx."""
    channel = SlackChannel(lambda: slack, "C1")
    if error is None:
        channel.send(parcel())
        return
    with pytest.raises(error) as caught:
        channel.send(parcel())
    assert type(caught.value) is error


def test_links_fit_into_slacks_limit():
    """Fifty blocks with them."""
    slack = Slack()
    SlackChannel(lambda: slack, "C1").send(parcel())
    [words] = slack.posted
    assert len(words["blocks"]) == 50
    assert words["metadata"]["event_payload"] == {"report_id": "sales/2026-11-21"}


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
    assert SlackChannel(lambda: slack, "C1").was_sent(parcel(), datetime(2026, 11, 21, tzinfo=UTC)) is found
