"""Send one plain text mail through the connection `smtp_default`, to each of its recipients on their own.

The connection also names the recipients (extra `to_email`), so DAGs are the same on each installation. Who is put off
is tried again for about 20 seconds, a recipient who is refused for good is not; the log names whoever got nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from html import escape
from typing import TYPE_CHECKING

from baton.exceptions import BatonError, PermanentError

if TYPE_CHECKING:
    from baton.notifications.mail_server import MessageHook

log = logging.getLogger(__name__)

SMTP_CONNECTION = "smtp_default"
WAITS = (1.0, 4.0, 15.0)
"""Seconds before each further try. A task that has failed keeps its slot for as long."""


def send_mail(*, subject: str, text: str) -> None:
    """Send a mail to the connection's `to_email`.

    :raises PermanentError: the connection is missing or names no recipient, or somebody got nothing.
    """
    mail = _Mail(subject, text)
    for pause in (0.0, *WAITS):
        if mail.waiting:
            time.sleep(pause)
            mail.send(mail.connect())
    mail.check()


async def send_mail_async(*, subject: str, text: str) -> None:
    """Do the same as `send_mail` in the triggerer, without blocking it."""
    from baton.notifications.mail_server import MessageHook

    connection = await MessageHook.aget_connection(SMTP_CONNECTION)
    mail = _Mail(subject, text, connection)
    for pause in (0.0, *WAITS):
        if mail.waiting:
            await asyncio.sleep(pause)
            await asyncio.to_thread(mail.send, mail.connect())
    mail.check()


class _Mail:
    """One mail, and who has not got it yet.

    :param connection: what Airflow knows of the mail server; read when it is not given.
    """

    def __init__(self, subject: str, text: str, connection: object = None) -> None:
        self._connection = connection
        server = self.connect()
        self.waiting = dict.fromkeys(server.recipients, "")
        self._lost: dict[str, str] = {}
        self._message = _message(subject, text, server.sender, server.recipients)

    def connect(self) -> MessageHook:
        """Give a hook that has asked nothing yet."""
        from baton.notifications.mail_server import MessageHook

        hook = MessageHook(SMTP_CONNECTION)
        if self._connection is not None:
            hook.use(self._connection)
        return hook

    def send(self, server: MessageHook) -> None:
        """Try each recipient who waits, once."""
        for recipient in list(self.waiting):
            try:
                server.send_message(self._message, parseaddr(recipient)[1])
            except PermanentError as err:
                self._lost[recipient] = str(err)
            except BatonError as err:
                self.waiting[recipient] = str(err)
                continue
            del self.waiting[recipient]

    def check(self) -> None:
        """Name whoever got nothing.

        :raises PermanentError: somebody did not.
        """
        lost = {**self.waiting, **self._lost}
        for recipient, words in lost.items():
            log.error("%s got no mail %r: %s", recipient, self._message["Subject"], words)
        if lost:
            raise PermanentError(f"{len(lost)} recipients got no mail: {', '.join(lost)}")


def _message(subject: str, text: str, sender: str, recipients: list[str]) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"], message["To"] = sender, ", ".join(recipients)
    message["Date"], message["Message-ID"] = format_datetime(datetime.now(UTC)), make_msgid(domain="baton")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_html(text), subtype="html")
    return message


def _html(text: str) -> str:
    clean = text.encode("utf-8", "replace").decode()
    return f'<pre style="white-space:pre-wrap">{escape(clean)}</pre>'  # a phone is narrower than the documentation
