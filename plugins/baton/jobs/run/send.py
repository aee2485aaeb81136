"""`send`: a message by mail, to Slack or to a webhook, to each recipient once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Any

from baton.exceptions import BatonError, InDoubtError, PermanentError, TransientError
from baton.jobs.model.steps import SendStep
from baton.jobs.run.attachments import file_content
from baton.jobs.run.turn import StepInDoubtError, Turn

if TYPE_CHECKING:
    from baton.notifications.mail_server import MessageHook

SLACK_LENGTH = 3000
_AGAIN = "look there; to send it again run the job anew"


def run_send(step: SendStep, turn: Turn) -> dict[str, Any]:
    """Send to each recipient who has not had it; returns `{"sent": how many}`.

    :raises PermanentError: refused, or nobody is named.
    :raises TransientError: surely not sent; the next attempt sends to those who are left.
    :raises StepInDoubtError: a recipient has perhaps had it.
    """
    if not turn.expression(step.when):
        return {"sent": 0}
    sender = {"mail": _mail, "slack": _slack, "webhook": _webhook}[step.send](step, turn)
    effect = turn.memory.effect or {}
    sent: list[str] = list(effect.get("sent", []))
    for number, recipient in enumerate(sender.recipients, 1):
        name = _digest(recipient)
        if name in sent:
            continue
        if name == effect.get("sending"):
            raise StepInDoubtError(f"an earlier attempt was ended while it sent to recipient {number}: {_AGAIN}")
        try:
            sender.send(recipient, lambda name=name: turn.memory.note({"sent": sent, "sending": name}))  # type: ignore[misc]
        except InDoubtError as err:
            raise StepInDoubtError(f"recipient {number} has perhaps had it ({err}): {_AGAIN}") from err
        except BatonError:
            turn.memory.note({"sent": sent})
            raise
        sent.append(name)
        turn.memory.note({"sent": sent})
    return {"sent": len(sent)}


def _digest(recipient: str) -> str:
    """A recipient's name in the step's record: addresses of people stay out of Airflow's tables."""
    return hashlib.sha256(recipient.encode()).hexdigest()[:16]


class _Sender:
    """One way of sending.

    :param recipients: to whom, each once.
    """

    recipients: list[str]

    def send(self, recipient: str, about_to: Callable[[], None]) -> None:
        """Send to one recipient.

        :param about_to: called just before the message could have an effect.
        """
        raise NotImplementedError


class _mail(_Sender):
    def __init__(self, step: SendStep, turn: Turn) -> None:
        from baton.notifications.mail_server import MessageHook

        self._server: MessageHook = MessageHook(step.connection or "smtp_default")
        self.recipients = _recipients(turn.value(step.to)) or self._server.recipients
        self._message = EmailMessage()
        self._message["Subject"] = " ".join(_text(turn.value(step.subject), "subject").split())[:200]
        self._message["From"], self._message["To"] = self._server.sender, ", ".join(self.recipients)
        self._message["Date"] = format_datetime(datetime.now(UTC))
        self._message["Message-ID"] = f"<baton.job.{turn.idempotency_key}@baton>"
        self._message["Auto-Submitted"] = "auto-generated"
        self._message.set_content(_text(turn.value(step.text), "text"))
        for name, value in turn.value(step.attach).items():
            content, kind = file_content(name, value)
            self._message.add_attachment(content, maintype="text", subtype=kind, filename=name)

    def send(self, recipient: str, about_to: Callable[[], None]) -> None:
        self._server.send_message(self._message, parseaddr(recipient)[1], about_to)


class _slack(_Sender):
    def __init__(self, step: SendStep, turn: Turn) -> None:
        self._step = step
        self.recipients = _recipients(turn.value(step.to))
        if not self.recipients:
            raise PermanentError("nobody is named: give channels under `to`")
        self._text = _text(turn.value(step.text), "text")[:SLACK_LENGTH]

    def send(self, recipient: str, about_to: Callable[[], None]) -> None:
        from slack_sdk.errors import SlackApiError, SlackClientError

        from baton.notifications.slack import connect, escaped, post

        client = connect(timeout=10)
        about_to()
        try:
            post(client, recipient, {"text": escaped(self._text)})
        except SlackApiError as err:  # Slack has answered: nothing was posted
            status = int(err.response.status_code)
            kind = TransientError if status == 429 or status >= 500 else PermanentError
            raise kind(f"Slack refuses a message to {recipient}: {err.response.get('error', status)}") from err
        except ConnectionRefusedError as err:
            raise TransientError("Slack is not reached") from err
        except (SlackClientError, OSError) as err:
            raise InDoubtError(f"Slack gave no answer ({type(err).__name__})") from err


class _webhook(_Sender):
    def __init__(self, step: SendStep, turn: Turn) -> None:
        if step.connection is None:
            raise PermanentError("a webhook needs `connection`: an Airflow connection of type http")
        self._connection, self._turn = step.connection, turn
        self.recipients = [step.connection]
        self._text = _text(turn.value(step.text), "text")

    def send(self, recipient: str, about_to: Callable[[], None]) -> None:
        import httpx

        from baton.jobs.run.http import client_of

        client = client_of(self._connection, self._turn.opened)
        about_to()
        headers = {"Idempotency-Key": self._turn.idempotency_key}
        try:
            answer = client.post("", json={"text": self._text}, headers=headers, timeout=self._turn.seconds_left)
        except (httpx.ConnectError, httpx.ConnectTimeout) as err:
            raise TransientError(f"{recipient} is not reached") from err
        except httpx.HTTPError as err:
            raise InDoubtError(f"no answer ({type(err).__name__})") from err
        if answer.status_code >= 500 and answer.status_code != 503:
            raise InDoubtError(f"{recipient} answers {answer.status_code}")
        if not answer.is_success:
            kind = TransientError if answer.status_code in (408, 425, 429, 503) else PermanentError
            raise kind(f"{recipient} answers {answer.status_code}")


def _recipients(given: Any) -> list[str]:
    flat: list[Any] = [each for part in given for each in (part if isinstance(part, list) else [part])]
    return list(dict.fromkeys(str(each) for each in flat if each))


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise PermanentError(f"{what} is no text but {type(value).__name__}")
    return value
