"""A real mail server whose answers a test decides, and that keeps what it accepted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

OK = "250 OK"
GONE = "gone"  # no answer at all: the connection breaks


@dataclass
class Mail:
    """One accepted message."""

    recipient: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """Give it parsed."""
        parsed = message_from_bytes(self.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def id(self) -> str:
        """Give its Message-ID."""
        return str(self.message["Message-ID"])


@dataclass
class PostOffice:
    """What aiosmtpd asks at each step. ``at_rcpt`` and ``at_data`` may be replaced by a test; they give the answer.

    A message is accepted when ``at_data`` answers 250, and then it is out, whoever hears the answer.
    """

    mails: list[Mail] = field(default_factory=list)
    at_rcpt: Callable[[str], str] = lambda recipient: OK
    at_data: Callable[[Mail], str] = lambda mail: OK
    port: int = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Decide about a recipient."""
        answer = self._given(self.at_rcpt(address), server)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Decide about a message."""
        assert isinstance(envelope.content, bytes)
        mail = Mail(envelope.rcpt_tos[0], envelope.content)
        answer = self.at_data(mail)
        if answer.startswith("250"):
            self.mails.append(mail)
        return self._given(answer, server)

    def _given(self, answer: str, server: SMTP) -> str:
        if GONE in answer and server.transport is not None:
            server.transport.abort()
        return answer

    def reset(self) -> None:
        """Forget all mails and accept everything again."""
        self.mails.clear()
        self.reset_answers()

    def reset_answers(self) -> None:
        """Accept everything again."""
        self.at_rcpt, self.at_data = (lambda recipient: OK), (lambda mail: OK)

    @property
    def ids(self) -> list[str]:
        """Give the Message-IDs of what was accepted, sorted."""
        return sorted(mail.id for mail in self.mails)


def controller(office: PostOffice, port: int) -> Controller:
    """Give the server around it, not yet started."""
    office.port = port
    return Controller(office, hostname="127.0.0.1", port=port)
