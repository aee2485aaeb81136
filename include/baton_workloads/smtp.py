"""Send mails one by one, knowing of each whether it was sent, surely was not, or perhaps was.

A mail server answers for a message when it has all of it. Who stops listening in between cannot know; so the caller is
asked to claim the message at the last moment before that, and nothing is sent that was not claimed.
Source: RFC 5321, sections 4.2.5 and 6.1; RFC 3463 for the enhanced status codes.
"""

import re
import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from enum import StrEnum
from types import TracebackType
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from baton_workloads.errors import ConfigurationError, TransientError

TIMEOUT_SECONDS = 60.0
PORTS = {"smtp": 25, "smtps": 465}
# About the mailbox: unknown, moved, full, no name. Whatever else is refused for good is about us, and would hit every
# recipient; unless the enhanced code says what it is about: 5.1 the address, 5.2 the mailbox, 5.7 what is allowed.
READER_CODES = {550, 551, 552, 553}
READER = re.compile(rb"5\.[12]\.\d+")
OURSELVES = re.compile(rb"5\.7\.\d+")
_LOST = (smtplib.SMTPException, OSError)


class RecipientBlockedError(ConfigurationError):
    """The server accepts us as the sender and refuses one recipient for good, for a reason that may be ours."""


class RecipientConnectionLostError(TransientError):
    """The server was there and ended the connection when the recipient was named: nothing was sent."""


class Delivery(StrEnum):
    """What became of one message. It stays claimed when sent, refused or unconfirmed, and only then."""

    SENT = "sent"
    REFUSED = "refused"  # for good, because of the recipient or the message
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
    :param timeout_seconds: of each answer.
    :raises ConfigurationError: the address is none of these.
    """

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._address, self._timeout = _parsed(url), timeout_seconds
        self._client: smtplib.SMTP | None = None
        self._sender_named = False

    def __enter__(self) -> "MailServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        self._drop()

    def close(self) -> None:
        """Take leave; the next message gets a new connection."""
        if self._client is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._client.quit()
        self._drop()

    def deliver(self, message: EmailMessage, sender: str, recipient: str, claim: Claim) -> Delivery:
        """Send one message, if it can be claimed.

        :param recipient: the address of the envelope.
        :raises TransientError: the server cannot be reached, or was lost (`RecipientConnectionLostError`); nothing was
            claimed.
        :raises ConfigurationError: the server refuses us, or us as this recipient's sender (`RecipientBlockedError`).
        """
        content = message.as_bytes()
        answer = self._envelope(sender, recipient)
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
            self._drop()
            return Delivery.REFUSED if _is_refused(err.smtp_code) else Delivery.PUT_OFF
        except (smtplib.SMTPException, OSError):
            self._drop()
            return Delivery.UNCONFIRMED
        if _is_accepted(code):
            return Delivery.SENT
        self._drop()
        if _is_refused(code):
            return Delivery.REFUSED
        return Delivery.PUT_OFF if 400 <= code < 500 else Delivery.UNCONFIRMED

    def _envelope(self, sender: str, recipient: str) -> Delivery | None:
        """Name sender and recipient; None when the server accepts both. Reconnects once: servers end idle sessions."""
        try:
            return self._try_envelope(sender, recipient)
        except _LOST:
            self._drop()
        try:
            return self._try_envelope(sender, recipient)
        except _LOST as err:
            self._drop()
            kind = RecipientConnectionLostError if self._sender_named else TransientError
            raise kind(f"mail server {self._name} ends the connection ({type(err).__name__}); try later") from err

    def _try_envelope(self, sender: str, recipient: str) -> Delivery | None:
        self._sender_named = False
        client = self._connected()
        self._name_sender(client, sender)
        self._sender_named = True
        return self._name_recipient(client, recipient)

    def _name_sender(self, client: smtplib.SMTP, sender: str) -> None:
        try:
            code, _ = client.mail(sender)
        except ValueError as err:
            raise ConfigurationError(f"{sender!r} cannot be a sender; see BATON_MAIL_FROM") from err
        if not _is_accepted(code):
            self._drop()
            kind = ConfigurationError if _is_refused(code) else TransientError
            raise kind(f"mail server {self._name} does not accept our sender address ({code}); see BATON_MAIL_FROM")

    def _name_recipient(self, client: smtplib.SMTP, recipient: str) -> Delivery | None:
        try:
            code, words = client.rcpt(recipient)
        except ValueError:  # a line break, or letters that need SMTPUTF8
            self._drop()
            return Delivery.REFUSED
        if _is_accepted(code):
            return None
        self._drop()
        if not _is_refused(code):
            return Delivery.PUT_OFF
        if READER.match(words) or (code in READER_CODES and not OURSELVES.match(words)):
            return Delivery.REFUSED
        raise RecipientBlockedError(f"mail server {self._name} does not let us send ({code}); see BATON_SMTP_URL")

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
            if err.smtp_code < 500:
                raise TransientError(f"mail server {self._name} puts off the login ({err.smtp_code})") from err
            raise ConfigurationError(f"mail server {self._name} refuses the login; see BATON_SMTP_URL") from err
        except UnicodeError as err:  # a user, password or host that SMTP and DNS have no form for
            raise ConfigurationError(f"mail server {self._name} cannot be asked; see BATON_SMTP_URL") from err
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
            return smtplib.SMTP_SSL(host, self._port, timeout=self._timeout, context=ssl.create_default_context())
        return smtplib.SMTP(host, self._port, timeout=self._timeout)

    def _drop(self) -> None:
        """End the connection; the next message gets a new one, free of whatever went wrong."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _is_accepted(code: int) -> bool:
    """Whether an answer says yes; what is no answer of SMTP at all has the code -1."""
    return 200 <= code < 300


def _is_refused(code: int) -> bool:
    """Whether an answer says no for good."""
    return 500 <= code < 600


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
