"""How people are notified: mail, Slack, a webhook. A channel says of each of its recipients how it went.

Source: https://docs.slack.dev/reference/methods/chat.postMessage, https://docs.slack.dev/reference/block-kit
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Any

from baton_workloads.errors import WorkloadError
from baton_workloads.smtp import Delivery, MailServer, RecipientBlockedError, RecipientConnectionLostError
from baton_workloads.watch.http import Answer, Http, NoAnswerError
from baton_workloads.watch.notice import MARKS, Notice
from baton_workloads.watch.text import beginning_of, end_of

TIMEOUT_SECONDS = 20
LOG_STYLE = "white-space:pre-wrap;word-break:break-word;border-left:3px solid #c33;padding:8px 12px"
SLACK_TEXT = 2900  # of the 3,000 that a section may have


REFUSED_CONTENT = {400, 413, 414, 422}
SLACK_REFUSED_CONTENT = {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}


class DeliveryError(Exception):
    """A recipient has not got a notice and is put off: it is tried again. Why, and what to do.

    :param of_this_notice: it was the content that was refused; the recipient takes others.
    """

    def __init__(self, words: str, *, of_this_notice: bool = False) -> None:
        super().__init__(words)
        self.of_this_notice = of_this_notice


class InDoubtError(DeliveryError):
    """A recipient perhaps has a notice: it is sent again, less and less often, and other notices go on."""

    def __init__(self, words: str) -> None:
        super().__init__(words, of_this_notice=True)


class RefusedError(DeliveryError):
    """A recipient is refused a notice for good: trying again is useless."""


class BlockedError(DeliveryError):
    """A recipient is refused for good by a rule: about them where the channel has others who are not, else about us."""


class ChannelDownError(DeliveryError):
    """Nothing can be said by this channel now, whoever the recipient is."""


class Channel(ABC):
    """One way to one group of people."""

    name: str

    @property
    def recipients(self) -> Sequence[str]:
        """Their names, which no other channel has; each one has an outcome of its own."""
        return (self.name,)

    @abstractmethod
    def send(self, notice: Notice, recipient: str) -> None:
        """Notify one of the recipients.

        :raises DeliveryError: they were surely not, or perhaps not, notified.
        """

    def close(self) -> None:
        """End connections; the next notice makes new ones."""
        return


class Mail(Channel):
    """Mail to fixed recipients.

    :param url: as `MailServer` takes it.
    :raises ConfigurationError: it is no address of a mail server.
    """

    def __init__(self, name: str, url: str, sender: str, addresses: Sequence[str]) -> None:
        self.name = name
        self._server = MailServer(url, TIMEOUT_SECONDS)
        self._sender, self._addresses = sender, {f"{name} to {address}": address for address in addresses}

    @property
    def recipients(self) -> Sequence[str]:
        """One for each address: a full mailbox is nobody else's business."""
        return tuple(self._addresses)

    def send(self, notice: Notice, recipient: str) -> None:
        """Send one message to one recipient, with the same Message-ID to whomever and however often it is sent."""
        try:
            answer = self._server.deliver(self._message(notice), self._sender, self._addresses[recipient], _ALWAYS)
        except RecipientBlockedError as err:
            raise BlockedError(str(err)) from err
        except RecipientConnectionLostError as err:
            raise DeliveryError(str(err)) from err
        except WorkloadError as err:
            raise ChannelDownError(str(err)) from err
        if answer is Delivery.REFUSED:
            raise RefusedError("the mail server refuses this recipient, or the message to them, for good")
        if answer is Delivery.PUT_OFF:
            raise DeliveryError("the mail server puts this recipient off")
        if answer is not Delivery.SENT:
            raise InDoubtError("the mail server went away before it answered: perhaps sent")

    def close(self) -> None:
        """End the connection."""
        self._server.close()

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["Subject"] = f"[Baton] {notice.subject}"
        message["From"], message["To"] = self._sender, ", ".join(self._addresses.values())
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{digest(notice)}@baton.watch>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notice.text)
        message.add_alternative(as_html(notice), subtype="html")
        return message


class Slack(Channel):
    """A message of a bot to one channel.

    :param url: of the Web API, ``https://slack.com/api``.
    """

    def __init__(self, name: str, url: str, token: str, channel: str) -> None:
        self.name = name
        self._url, self._token, self._channel = url.rstrip("/"), token, channel

    def send(self, notice: Notice, recipient: str) -> None:
        """Post it; Slack answers 200 also when it refuses."""
        headline = f"{MARKS[notice.kind]} {notice.subject}"
        body = {"channel": self._channel, "text": _plain(headline), "blocks": slack_blocks(notice, headline)}
        answer = _post(f"{self._url}/chat.postMessage", body, {"Authorization": f"Bearer {self._token}"})
        words = _decoded(answer)
        if words.get("ok") is not True:
            why = str(words.get("error", "no reason given"))
            raise DeliveryError(
                f"Slack refuses channel {self._channel}: {why}", of_this_notice=why in SLACK_REFUSED_CONTENT
            )


class Webhook(Channel):
    """The notice as JSON to any address."""

    def __init__(self, name: str, url: str, token: str | None = None) -> None:
        self.name = name
        self._url, self._token = url, token

    def send(self, notice: Notice, recipient: str) -> None:
        """Post it with a key by which the receiver knows a repetition; a web page or ``"ok": false`` is no success."""
        headers = {"Idempotency-Key": digest(notice)}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        answer = _post(self._url, {**notice.as_json(), "text": notice.text}, headers)
        if answer.is_page:
            raise DeliveryError("answers a web page: is the address a webhook's, and does it need a login?")
        try:
            words = answer.json()
        except ValueError:
            return  # most webhooks answer a word, or nothing
        if isinstance(words, dict) and words.get("ok") is False:
            raise DeliveryError(f"refuses the notice: {words.get('error', 'no reason given')}")


class Unusable(Channel):
    """A channel that lacks a setting: what is for its recipients waits."""

    def __init__(self, name: str, recipients: Sequence[str], words: str) -> None:
        self.name = name
        self._recipients, self._words = recipients, words

    @property
    def recipients(self) -> Sequence[str]:
        """Those that it would have."""
        return self._recipients

    def send(self, notice: Notice, recipient: str) -> None:
        """Say what is missing."""
        raise ChannelDownError(self._words)


class Print(Channel):
    """Standard output, for people who watch."""

    name = "terminal"

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def send(self, notice: Notice, recipient: str) -> None:
        """Print it."""
        try:
            self._write(f"{MARKS[notice.kind]} {notice.subject}\n{notice.text}")
        except (OSError, UnicodeError) as err:
            raise RefusedError(f"cannot be written to ({type(err).__name__})") from err


class _Always:
    """What is sent at least once needs no claim."""

    def take(self) -> bool:
        return True

    def give_back(self) -> None:
        """Nothing was taken."""


_ALWAYS = _Always()


def digest(notice: Notice) -> str:
    """A short name for a notice, the same wherever it is made."""
    return hashlib.sha256(notice.key.encode()).hexdigest()[:32]


def as_html(notice: Notice) -> str:
    """The mail's second form, readable on a phone, in light and dark."""
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in notice.lines)
    log = "\n".join(escape(line) for line in notice.log)
    block = f'<pre style="{LOG_STYLE}">{log}</pre>'
    link = f'<p><a href="{escape(notice.link, quote=True)}">Open it in Airflow</a></p>' if notice.link else ""
    return (
        '<!doctype html><html><head><meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark"></head>'
        '<body style="font:16px/1.5 system-ui,sans-serif;max-width:44em;margin:1em;overflow-wrap:anywhere">'
        f'<h2 style="font-size:1.2em">{MARKS[notice.kind]} {escape(notice.subject)}</h2>'
        f"{paragraphs}{block if log else ''}{link}</body></html>"
    )


def slack_blocks(notice: Notice, headline: str) -> list[dict[str, Any]]:
    """Headline, words, the log's end and a button, within Slack's limits."""
    blocks = [_section(f"*{_plain(headline)}*")]
    if words := end_of("\n".join(notice.lines), SLACK_TEXT, _escaped):
        blocks.append(_section(_escaped(words)))
    if notice.log:
        log = "\n".join(notice.log).replace("```", "'''")
        blocks.append(_section(f"```{_escaped(end_of(log, SLACK_TEXT, _escaped))}```"))
    if notice.link and len(notice.link) < SLACK_TEXT:
        blocks.append(_section(f"<{notice.link}|Open it in Airflow>"))
    return blocks


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _plain(text: str) -> str:
    """A headline."""
    return _escaped(beginning_of(text, SLACK_TEXT, _escaped))


def _escaped(text: str) -> str:
    """No sign of a text may become a mention or a link. Source: Slack's "Escaping text"."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _post(url: str, body: dict[str, Any], headers: dict[str, str]) -> Answer:
    try:
        with Http(TIMEOUT_SECONDS) as client:
            answer = client.ask("POST", url, json=body, headers=headers)
    except NoAnswerError as err:
        raise ChannelDownError(str(err)) from err
    if not answer.is_success:
        raise DeliveryError(answer.words, of_this_notice=answer.status in REFUSED_CONTENT)
    return answer


def _decoded(answer: Answer) -> dict[str, Any]:
    try:
        words = answer.json()
    except ValueError as err:
        raise DeliveryError("answers no JSON: is that Slack?") from err
    return words if isinstance(words, dict) else {}
