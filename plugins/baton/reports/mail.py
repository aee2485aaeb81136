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
from baton.reports.delivery import Parcel, RecipientRefusedError

LARGEST_ATTACHMENT_BYTES = 15_000_000
"""Base64 makes a third more of it, and many servers refuse mails above 20 or 25 MB."""
HEADER_LENGTH = 200


class Server(Protocol):
    """A mail server, as `baton.notifications.mail_server.MessageHook` is one."""

    @property
    def sender(self) -> str:
        """The address that mails come from."""

    def send_message(self, message: EmailMessage, reader: str) -> None:
        """Hand one message over for one reader.

        :raises ReaderRefusedError: refused for good.
        :raises BatonError: what else went wrong.
        """


@dataclass(frozen=True)
class MailChannel:
    """One reader by mail.

    :param everybody: all readers of the report, whom the message names in `To`.
    """

    reader: str
    server: Server
    everybody: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Its name in the registry."""
        return f"mail:{parseaddr(self.reader)[1] or self.reader}"

    def reference(self, parcel: Parcel) -> str:
        """Give the Message-ID: the same for the same report and sender, whoever reads it."""
        sender = self.server.sender
        words = "\n".join([parcel.report_id, sender])
        domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
        return f"<baton.report.{hashlib.sha256(words.encode()).hexdigest()[:40]}@{domain}>"

    def was_sent(self, parcel: Parcel, since: datetime) -> bool:
        """SMTP cannot be asked."""
        return False

    def send(self, parcel: Parcel) -> None:
        """Send one message."""
        from baton.notifications.mail_server import ReaderRefusedError

        address = _address(self.reader)
        try:
            self.server.send_message(self.message(parcel), address.addr_spec)
        except ReaderRefusedError as err:
            raise RecipientRefusedError(f"{err}; see include/reports/recipients.yaml") from err

    def message(self, parcel: Parcel) -> EmailMessage:
        """Build the message."""
        made = EmailMessage()
        made["Subject"] = _header(f"{parcel.title}: {parcel.period_label}")
        made["From"] = self.server.sender
        made["To"] = [_address(reader) for reader in self.everybody or [self.reader] if _is_address(reader)]
        made["Date"] = format_datetime(datetime.now(UTC))
        made["Message-ID"] = self.reference(parcel)
        made["Auto-Submitted"] = "auto-generated"  # keeps out-of-office answers away; RFC 3834
        made.set_content(_text(parcel))
        self._add_html(made, parcel)
        _add_pdf(made, parcel)
        return made

    def _add_html(self, made: EmailMessage, parcel: Parcel) -> None:
        html = parcel.read("mail")
        if html is None:
            return
        made.add_alternative(html.decode(), subtype="html")
        related = made.get_payload()[1]  # type: ignore[index]
        number = 0
        while (chart := parcel.read(f"chart-{number}")) is not None:
            related.add_related(  # type: ignore[union-attr]
                chart, "image", "png", cid=f"<chart-{number}>", filename=f"chart-{number}.png", disposition="inline"
            )
            number += 1


def _add_pdf(made: EmailMessage, parcel: Parcel) -> None:
    pdf = parcel.read("pdf")
    if pdf is not None and len(pdf) <= LARGEST_ATTACHMENT_BYTES:
        name = f"{parcel.report_id.replace('/', '-')}.pdf"
        made.add_attachment(pdf, "application", "pdf", filename=name)


def _text(parcel: Parcel) -> str:
    text = (parcel.read("text") or parcel.headline.encode()).decode()
    links = [f"{label}: {address}" for label, address in parcel.links.items()]
    expiry = [f"(These addresses expire after {parcel.links_days} days.)"] if links else []
    return "\n".join([text, *links, *expiry])


def _header(words: str) -> str:
    """One line: a line break in a title must not begin another header."""
    return beginning_of(" ".join(words.split()), HEADER_LENGTH)


def _address(reader: str) -> Address:
    name, address = parseaddr(reader)
    try:
        if not address.isascii():
            raise ValueError("SMTP has no form for it")
        return Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError) as err:
        raise PermanentError(f"{reader!r} is no mail address; see include/reports/recipients.yaml") from err


def _is_address(reader: str) -> bool:
    try:
        return bool(_address(reader))
    except PermanentError:
        return False
