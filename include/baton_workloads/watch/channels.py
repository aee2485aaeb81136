"""How people are told: mail, Slack, a webhook. Each channel says of a notice that it has it, or why not.

Source: https://docs.slack.dev/reference/methods/chat.postMessage, https://docs.slack.dev/reference/block-kit
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Any

import httpx

from baton_workloads.errors import WorkloadError
from baton_workloads.smtp import Delivery, MailServer
from baton_workloads.watch.notice import MARKS, Notice

TIMEOUT_SECONDS = 20
LOG_STYLE = "white-space:pre-wrap;word-break:break-word;border-left:3px solid #c33;padding:8px 12px"
SLACK_TEXT = 2900  # of the 3,000 that a section may have


REFUSED_CONTENT = {400, 413, 414, 422}
SLACK_REFUSED_CONTENT = {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}


class DeliveryError(Exception):
    """A channel did not take a notice: why, and what to do.

    :param of_this_notice: it was the content that was refused; the channel takes others.
    """

    def __init__(self, words: str, *, of_this_notice: bool = False) -> None:
        super().__init__(words)
        self.of_this_notice = of_this_notice


class Channel(ABC):
    """One way to one group of people."""

    name: str

    @abstractmethod
    def send(self, notice: Notice) -> None:
        """Tell them.

        :raises DeliveryError: they were surely not, or perhaps not, told.
        """


class Mail(Channel):
    """Mail to fixed readers.

    :param url: as `MailServer` takes it.
    """

    def __init__(self, name: str, url: str, sender: str, readers: list[str]) -> None:
        self.name = name
        self._url, self._sender, self._readers = url, sender, readers

    def send(self, notice: Notice) -> None:
        """One message to all readers, with the same Message-ID however often it is sent."""
        try:
            with MailServer(self._url) as server:
                answers = {
                    reader: server.deliver(self._message(notice), self._sender, reader, _ALWAYS)
                    for reader in self._readers
                }
        except WorkloadError as err:
            raise DeliveryError(str(err)) from err
        missed = [reader for reader, answer in answers.items() if answer is not Delivery.SENT]
        if len(missed) == len(answers):
            raise DeliveryError(f"the mail server took it for none of {len(missed)} readers")

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["Subject"] = f"[Baton] {notice.subject}"
        message["From"], message["To"] = self._sender, ", ".join(self._readers)
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

    def send(self, notice: Notice) -> None:
        """Post it; Slack answers 200 also when it refuses."""
        headline = f"{MARKS[notice.kind]} {notice.subject}"
        body = {"channel": self._channel, "text": _plain(headline), "blocks": slack_blocks(notice, headline)}
        answer = _post(f"{self._url}/chat.postMessage", body, {"Authorization": f"Bearer {self._token}"})
        words = _decoded(answer)
        if not words.get("ok"):
            why = str(words.get("error", "no reason given"))
            raise DeliveryError(
                f"Slack refuses channel {self._channel}: {why}", of_this_notice=why in SLACK_REFUSED_CONTENT
            )


class Webhook(Channel):
    """The notice as JSON to any address."""

    def __init__(self, name: str, url: str, token: str | None = None) -> None:
        self.name = name
        self._url, self._token = url, token

    def send(self, notice: Notice) -> None:
        """Post it with a key by which the receiver knows a repetition."""
        headers = {"Idempotency-Key": digest(notice)}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        _post(self._url, {**notice.as_json(), "text": notice.text}, headers)


class Print(Channel):
    """Standard output, for people who watch."""

    name = "terminal"

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def send(self, notice: Notice) -> None:
        """Print it."""
        self._write(f"{MARKS[notice.kind]} {notice.subject}\n{notice.text}")


class _Always:
    """What is told at least once needs no claim."""

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
    blocks = [{"type": "section", "text": _markdown(f"*{_plain(headline)}*")}]
    words = "\n".join(_plain(line) for line in notice.lines)
    if words:
        blocks.append({"type": "section", "text": _markdown(words)})
    if notice.log:
        tail = _plain("\n".join(notice.log)).replace("```", "'''")[-SLACK_TEXT:]
        blocks.append({"type": "section", "text": _markdown(f"```{tail}```")})
    if notice.link:
        blocks.append({"type": "section", "text": _markdown(f"<{notice.link}|Open it in Airflow>")})
    return blocks


def _markdown(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text[:3000]}


def _plain(text: str) -> str:
    """No sign of a text may become a mention or a link. Source: Slack's "Escaping text"."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:SLACK_TEXT]


def _post(url: str, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    try:
        response = httpx.post(url, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as err:
        raise DeliveryError(f"does not answer ({type(err).__name__})") from err
    if response.is_error:
        code = response.status_code
        raise DeliveryError(f"answers {code}", of_this_notice=code in REFUSED_CONTENT)
    return response


def _decoded(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except json.JSONDecodeError as err:
        raise DeliveryError("answers no JSON") from err
    return answer if isinstance(answer, dict) else {}
