"""The mail server of the connection `smtp_default`, for messages that are already built."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING, Any

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk.exceptions import AirflowException

from baton.exceptions import PermanentError, TransientError

if TYPE_CHECKING:
    from email.message import EmailMessage


class MessageHook(SmtpHook):
    """Airflow's hook sends text and files; a report's mail also has pictures inside and a Message-ID of its own."""

    def send_message(self, message: EmailMessage) -> dict[str, Any]:
        """Connect, send once, disconnect.

        :returns: address → reason, of the readers that the server refused while it accepted others.
        :raises smtplib.SMTPException: refused, or the connection broke.
        :raises PermanentError: the login is refused.
        :raises TransientError: the server does not answer: surely nothing was sent.
        """
        client = self._connected()
        try:
            refused: dict[str, Any] = client.send_message(message)
            return refused
        finally:
            client.close()
            self._smtp_client = None

    def _connected(self) -> Any:
        name = f"connection {self.smtp_conn_id}"
        try:
            return self.get_conn()._smtp_client
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as err:
            raise PermanentError(f"the mail server of {name} refuses the login ({type(err).__name__})") from err
        except (smtplib.SMTPException, OSError, AirflowException) as err:
            raise TransientError(f"the mail server of {name} does not answer ({type(err).__name__})") from err

    @property
    def sender(self) -> str:
        """The connection's `from_email`.

        :raises PermanentError: there is no such connection.
        """
        if self.smtp_connection is None:
            try:
                self.smtp_connection = self.get_connection(self.smtp_conn_id)
            except AirflowException as err:
                raise PermanentError(f"connection {self.smtp_conn_id} is missing: make it to send mail") from err
        return self.from_email or "baton@localhost"
