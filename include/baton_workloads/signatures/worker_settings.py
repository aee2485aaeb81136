"""What both workers read from their Secret, and how they send one mail."""

from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parseaddr

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError, TransientError
from baton_workloads.signatures.mails import address, addressed
from baton_workloads.smtp import Claim, Delivery, MailServer


@dataclass(frozen=True)
class WorkerSettings:
    """Addresses of what the workers touch.

    :param dsn: the shop's database, as a role that reads and writes rows.
    :param smtp_url: see :class:`MailServer`.
    :param sender: of the mails; its domain also names them.
    """

    dsn: str
    smtp_url: str
    sender: str

    @property
    def domain(self) -> str:
        """The right side of the Message-IDs."""
        return parseaddr(self.sender)[1].rpartition("@")[2]


def read_settings() -> WorkerSettings:
    """Read the workers' environment.

    :raises ConfigurationError: a variable is missing, or the sender is no address.
    """
    sender = required("BATON_MAIL_FROM")
    if address(parseaddr(sender)[1]) is None:
        raise ConfigurationError("BATON_MAIL_FROM is no mail address; it looks like Shop <no-reply@shop.example>")
    return WorkerSettings(required("BATON_SHOP_WORKER_DSN"), required("BATON_SMTP_URL"), sender)


@dataclass(frozen=True)
class Mailer:
    """Sends mails of one worker."""

    server: MailServer
    sender: str

    def send(self, message: EmailMessage, recipient: str, message_id: str, claim: Claim) -> Delivery:
        """Send one mail to one recipient; :meth:`MailServer.deliver` says what is raised."""
        whole = addressed(message, sender=self.sender, recipient=recipient, message_id=message_id)
        return self.server.deliver(whole, parseaddr(self.sender)[1], recipient, claim)


def stop_if(asked: Callable[[], bool], job: str) -> None:
    """End between two items when the pod is being stopped.

    :raises TransientError: it is; the rest is the next run's.
    """
    if asked():
        raise TransientError(f"{job}: stopped by SIGTERM; what is done is recorded, the next run goes on")
