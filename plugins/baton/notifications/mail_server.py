"""The mail server of the connection `smtp_default`, for messages that are already built, one recipient at a time."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from email.generator import BytesGenerator
from email.utils import parseaddr
from io import BytesIO
from typing import TYPE_CHECKING, Any

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk.exceptions import AirflowException

from baton.airflow_internals.operators import drop_smtp_client, smtp_client
from baton.exceptions import BatonError, InDoubtError, PermanentError, TransientError

if TYPE_CHECKING:
    from email.message import EmailMessage

LOST = (smtplib.SMTPServerDisconnected, OSError)


class MailRecipientRefusedError(PermanentError):
    """The mail server refuses one recipient for good, or the message to them; what it does with others is open."""


class MessageHook(SmtpHook):
    """Airflow's hook sends text and files; a report's mail also has pictures inside and a Message-ID of its own.

    Why a transaction for each recipient: a server answers for a message as a whole, and one recipient at whom it ends
    the connection would keep the message from all of them.
    """

    _down: BatonError | None = None

    def send_message(
        self, message: EmailMessage, recipient: str, about_to_hand_over: Callable[[], None] = lambda: None
    ) -> None:
        """Connect, send once to one recipient, disconnect. A server that did not answer once is not asked again.

        :param recipient: the address of the envelope.
        :param about_to_hand_over: called when the server has taken sender and recipient, and not yet the message.
        :raises MailRecipientRefusedError: refused for good.
        :raises PermanentError: the login or the sender is refused.
        :raises TransientError: put off, or not reached: surely nothing was sent.
        :raises InDoubtError: the connection broke after the message was handed over.
        """
        content = BytesIO()
        BytesGenerator(content).flatten(message, linesep="\r\n")
        client = self._connected()
        try:
            self._name(client, recipient, len(content.getvalue()))
            about_to_hand_over()
            self._hand_over(client, recipient, content.getvalue())
        finally:
            client.close()
            drop_smtp_client(self)

    def _name(self, client: smtplib.SMTP, recipient: str, size_bytes: int) -> None:
        """Name sender and recipient."""
        try:
            client.ehlo_or_helo_if_needed()
            options = [f"size={size_bytes}"] if client.has_extn("size") else []
            code, _ = client.mail(parseaddr(self.sender)[1], options)
            if not _is_accepted(code):
                kind = PermanentError if _is_refused(code) else TransientError
                raise kind(f"the mail server does not take mails from {self.sender} ({code}); see {self.smtp_conn_id}")
            code, _ = client.rcpt(recipient)
        except UnicodeError as err:
            raise MailRecipientRefusedError(f"the mail server has no form for {self.sender} or {recipient}") from err
        except (*LOST, smtplib.SMTPException) as err:
            raise TransientError(f"the mail server went away at {recipient} ({type(err).__name__})") from err
        if not _is_accepted(code):
            raise _no(code, recipient)

    def _hand_over(self, client: smtplib.SMTP, recipient: str, content: bytes) -> None:
        try:
            code, _ = client.data(content)
        except smtplib.SMTPDataError as err:
            raise _no(err.smtp_code, recipient) from err
        except (*LOST, smtplib.SMTPException) as err:
            raise InDoubtError(f"the mail server went away in the middle ({type(err).__name__})") from err
        if not _is_accepted(code):
            raise _no(code, recipient)

    def _connected(self) -> Any:
        if self._down is not None:
            raise self._down
        name = f"connection {self.smtp_conn_id}"
        try:
            return smtp_client(self)
        except smtplib.SMTPAuthenticationError as err:
            kind = PermanentError if _is_refused(err.smtp_code) else TransientError
            self._down = kind(f"the mail server of {name} refuses the login ({err.smtp_code})")
            raise self._down from err
        except (smtplib.SMTPNotSupportedError, UnicodeError) as err:
            self._down = PermanentError(f"the mail server of {name} refuses the login ({type(err).__name__})")
            raise self._down from err
        except (smtplib.SMTPException, OSError, AirflowException) as err:
            self._down = TransientError(f"the mail server of {name} does not answer ({type(err).__name__})")
            raise self._down from err

    @property
    def sender(self) -> str:
        """The connection's `from_email`.

        :raises PermanentError: there is no such connection.
        """
        self._read_connection()
        return self.from_email or "baton@localhost"

    @property
    def recipients(self) -> list[str]:
        """The connection's `to_email`.

        :raises PermanentError: it names nobody.
        """
        self._read_connection()
        extra = getattr(self.smtp_connection, "extra_dejson", {})
        recipients = [recipient.strip() for recipient in str(extra.get("to_email", "")).split(",") if recipient.strip()]
        if not recipients:
            raise PermanentError(f"connection {self.smtp_conn_id} names no recipient: set to_email in its extra")
        return list(dict.fromkeys(recipients))

    def use(self, connection: Any) -> None:
        """Take a connection that was read elsewhere, as in the triggerer, where this class would block."""
        self.smtp_connection = connection

    def get_connection(self, conn_id: str) -> Any:  # type: ignore[override]  # the base's is a class method
        """Give the connection that is known, else Airflow's."""
        return self.smtp_connection or super().get_connection(conn_id)

    def _read_connection(self) -> None:
        if self.smtp_connection is None:
            try:
                self.smtp_connection = self.get_connection(self.smtp_conn_id)
            except AirflowException as err:
                raise PermanentError(f"connection {self.smtp_conn_id} is missing: make it to send mail") from err


def _is_accepted(code: int) -> bool:
    return 200 <= code < 300


def _is_refused(code: int) -> bool:
    return 500 <= code < 600


def _no(code: int, recipient: str) -> BatonError:
    """What an answer means that is no yes."""
    if _is_refused(code):
        return MailRecipientRefusedError(f"the mail server refuses {recipient} ({code})")
    if 400 <= code < 500:
        return TransientError(f"the mail server puts off {recipient} ({code})")
    return InDoubtError(f"the mail server gives no answer of SMTP for {recipient} ({code})")
