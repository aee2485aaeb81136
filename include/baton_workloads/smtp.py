"""Send mails one by one, knowing of each whether it was sent, surely was not, or perhaps was.

A mail server answers for a message when it has all of it. Who stops listening in between cannot know; so the caller is
asked to claim the message at the last moment before that, and nothing is sent that was not claimed.
Source: RFC 5321, sections 4.2.5 and 6.1; RFC 3463 for the enhanced status codes.
"""

import re
import smtplib
import ssl
from email.message import EmailMessage
from enum import StrEnum
from types import TracebackType
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from baton_workloads.errors import ConfigurationError, TransientError

TIMEOUT_SECONDS = 60.0
PORTS = {"smtp": 25, "smtps": 465}
# About the mailbox: unknown, moved, no name. Whatever else is refused for good is about us, and would hit every reader.
READER_CODES = {550, 551, 553}
OURSELVES = re.compile(rb"5\.7\.\d+")


class Delivery(StrEnum):
    """What became of one message. It stays claimed when sent, refused or unconfirmed, and only then."""

    SENT = "sent"
    REFUSED = "refused"  # for good, because of the reader or the message
    PUT_OFF = "put_off"  # the server asks to try later; nothing was sent
    NOT_OURS = "not_ours"  # the claim failed: someone else's, or no longer wanted
    UNCONFIRMED = "unconfirmed"  # the connection broke before the server's answer


class Claim(Protocol):
    """The right to send one message."""

    def take(self) -> bool:
        """Claim it, durably; false when it is not to be had."""

    def give_back(self) -> None:
        """Give back what was taken: the message surely was not sent."""


class MailServer:
    """One mail server, connected when there is something to send.

    :param url: ``smtp://host:25`` inside one's own network, ``smtp://user:password@host:587`` (only after STARTTLS),
        ``smtps://user:password@host``.
    :raises ConfigurationError: the address is none of these.
    """

    def __init__(self, url: str) -> None:
        self._address = _parsed(url)
        self._client: smtplib.SMTP | None = None

    def __enter__(self) -> "MailServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None and error is None:
            try:
                self._client.quit()
            except (OSError, smtplib.SMTPException):
                self._drop()
        self._drop()

    def deliver(self, message: EmailMessage, sender: str, reader: str, claim: Claim) -> Delivery:
        """Send one message, if it can be claimed.

        :param reader: the address of the envelope.
        :raises TransientError: the server cannot be reached; nothing was claimed.
        :raises ConfigurationError: the server refuses us.
        """
        content = message.as_bytes()
        answer = self._envelope(sender, reader)
        if answer is Delivery.PUT_OFF:
            return answer
        if not claim.take():
            self._drop()
            return Delivery.NOT_OURS
        answer = answer or self._content(content)
        if answer is Delivery.PUT_OFF:
            claim.give_back()
        return answer

    def _content(self, content: bytes) -> Delivery:
        try:
            code, _ = self._connected().data(content)
        except smtplib.SMTPDataError as err:  # the server answered DATA itself, before any content
            code = err.smtp_code
        except (smtplib.SMTPException, OSError):
            self._drop()
            return Delivery.UNCONFIRMED
        if code >= 400:
            self._drop()
        return Delivery.SENT if code < 400 else Delivery.PUT_OFF if code < 500 else Delivery.REFUSED

    def _envelope(self, sender: str, reader: str) -> Delivery | None:
        """Name sender and reader; None when the server accepts both. Reconnects once: servers end idle sessions."""
        try:
            return self._try_envelope(sender, reader)
        except (smtplib.SMTPServerDisconnected, OSError):
            self._drop()
        try:
            return self._try_envelope(sender, reader)
        except (smtplib.SMTPServerDisconnected, OSError) as err:
            self._drop()
            raise TransientError(
                f"mail server {self._name} ends the connection ({type(err).__name__}); try later"
            ) from err

    def _try_envelope(self, sender: str, reader: str) -> Delivery | None:
        client = self._connected()
        code, _ = client.mail(sender)
        if code >= 400:
            self._drop()
            kind = TransientError if code < 500 else ConfigurationError
            raise kind(f"mail server {self._name} does not accept our sender address ({code}); see BATON_MAIL_FROM")
        code, words = client.rcpt(reader)
        if code < 400:
            return None
        self._drop()
        if code < 500:
            return Delivery.PUT_OFF
        if code in READER_CODES and not OURSELVES.match(words):
            return Delivery.REFUSED
        raise ConfigurationError(f"mail server {self._name} does not let us send ({code}); see BATON_SMTP_URL")

    @property
    def _name(self) -> str:
        return f"{self._address.hostname}:{self._port}"

    @property
    def _port(self) -> int:
        return self._address.port or PORTS[self._address.scheme]

    def _connected(self) -> smtplib.SMTP:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> smtplib.SMTP:
        try:
            client = self._open()
            try:
                self._log_in(client)
            except Exception:
                client.close()
                raise
        except smtplib.SMTPAuthenticationError as err:
            raise ConfigurationError(f"mail server {self._name} refuses the login; see BATON_SMTP_URL") from err
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as err:
            raise ConfigurationError(
                f"mail server {self._name}: no login or no trusted TLS ({type(err).__name__}); see BATON_SMTP_URL"
            ) from err
        except (smtplib.SMTPException, OSError) as err:
            raise TransientError(f"mail server {self._name} does not answer ({type(err).__name__}); is it up?") from err
        return client

    def _log_in(self, client: smtplib.SMTP) -> None:
        """Say who we are, over TLS where there is a password."""
        client.ehlo()
        if self._address.username and self._address.scheme == "smtp":
            client.starttls(context=ssl.create_default_context())
            client.ehlo()
        if self._address.username:
            client.login(unquote(self._address.username), unquote(self._address.password or ""))

    def _open(self) -> smtplib.SMTP:
        host = self._address.hostname or ""
        if self._address.scheme == "smtps":
            return smtplib.SMTP_SSL(host, self._port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
        return smtplib.SMTP(host, self._port, timeout=TIMEOUT_SECONDS)

    def _drop(self) -> None:
        """End the connection; the next message gets a new one, free of whatever went wrong."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _parsed(url: str) -> SplitResult:
    parts = urlsplit(url)
    try:
        valid = parts.scheme in PORTS and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise ConfigurationError(
            "BATON_SMTP_URL is no mail server; it looks like smtp://host:25 or smtp://user:password@host:587"
        )
    return parts
