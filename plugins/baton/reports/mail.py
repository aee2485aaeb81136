"""Reports by mail: the HTML form with its charts inside, the PDF attached, plain text for whoever shows no HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Protocol

from baton.exceptions import PermanentError
from baton.notifications.text import beginning_of
from baton.reports.delivery import RecipientRefusedError, RenderedReport

LARGEST_ATTACHMENT_BYTES = 15_000_000
"""Base64 makes a third more of it, and many servers refuse mails above 20 or 25 MB."""
HEADER_LENGTH = 200


class Server(Protocol):
    """A mail server, as `baton.notifications.mail_server.MessageHook` is one."""

    @property
    def sender(self) -> str:
        """The address that mails come from."""

    def send_message(self, message: EmailMessage, recipient: str) -> None:
        """Hand one message over for one recipient.

        :raises MailRecipientRefusedError: refused for good.
        :raises BatonError: what else went wrong.
        """


@dataclass(frozen=True)
class MailChannel:
    """One recipient by mail.

    :param everybody: all recipients of the report, whom the message names in `To`.
    """

    recipient: str
    server: Server
    everybody: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Its name in the ledger."""
        return f"mail:{parseaddr(self.recipient)[1] or self.recipient}"

    def reference(self, report: RenderedReport) -> str:
        """Give the Message-ID: the same for the same report and sender, whoever reads it."""
        sender = self.server.sender
        words = "\n".join([report.report_id, sender])
        domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
        return f"<baton.report.{hashlib.sha256(words.encode()).hexdigest()[:40]}@{domain}>"

    def was_sent(self, report: RenderedReport, since: datetime) -> bool:
        """SMTP cannot be asked."""
        return False

    def send(self, report: RenderedReport) -> None:
        """Send one message."""
        from baton.notifications.mail_server import MailRecipientRefusedError

        address = _address(self.recipient)
        try:
            self.server.send_message(self.message(report), address.addr_spec)
        except MailRecipientRefusedError as err:
            raise RecipientRefusedError(f"{err}; see include/reports/recipients.yaml") from err

    def message(self, report: RenderedReport) -> EmailMessage:
        """Build the message."""
        made = EmailMessage()
        made["Subject"] = _header(f"{report.title}: {report.period_label}")
        made["From"] = self.server.sender
        made["To"] = [_address(recipient) for recipient in self.everybody or [self.recipient] if _is_address(recipient)]
        made["Date"] = format_datetime(datetime.now(UTC))
        made["Message-ID"] = self.reference(report)
        made["Auto-Submitted"] = "auto-generated"  # keeps out-of-office answers away; RFC 3834
        made.set_content(_text(report))
        self._add_html(made, report)
        _add_pdf(made, report)
        return made

    def _add_html(self, made: EmailMessage, report: RenderedReport) -> None:
        html = report.read("mail")
        if html is None:
            return
        made.add_alternative(html.decode(), subtype="html")
        related = made.get_payload()[1]  # type: ignore[index]
        number = 0
        while (chart := report.read(f"chart-{number}")) is not None:
            related.add_related(  # type: ignore[union-attr]
                chart, "image", "png", cid=f"<chart-{number}>", filename=f"chart-{number}.png", disposition="inline"
            )
            number += 1


def _add_pdf(made: EmailMessage, report: RenderedReport) -> None:
    pdf = report.read("pdf")
    if pdf is not None and len(pdf) <= LARGEST_ATTACHMENT_BYTES:
        name = f"{report.report_id.replace('/', '-')}.pdf"
        made.add_attachment(pdf, "application", "pdf", filename=name)


def _text(report: RenderedReport) -> str:
    text = (report.read("text") or report.headline.encode()).decode()
    links = [f"{label}: {address}" for label, address in report.links.items()]
    expiry = [f"(These addresses work {report.links_work}.)"] if links else []
    return "\n".join([text, *links, *expiry])


def _header(words: str) -> str:
    """One line: a line break in a title must not begin another header."""
    return beginning_of(" ".join(words.split()), HEADER_LENGTH)


def _address(recipient: str) -> Address:
    name, address = parseaddr(recipient)
    try:
        if not address.isascii():
            raise ValueError("SMTP has no form for it")
        return Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError) as err:
        raise PermanentError(f"{recipient!r} is no mail address; see include/reports/recipients.yaml") from err


def _is_address(recipient: str) -> bool:
    try:
        return bool(_address(recipient))
    except PermanentError:
        return False
