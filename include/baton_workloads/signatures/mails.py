"""The two mails: to a signer before the due date, to a requester when a workflow has expired."""

import re
import unicodedata
from datetime import UTC, date, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

REMINDER = """\
Hello,

{requester} has sent you a document to sign, and is still waiting:

    {title}

{until}

If you have signed in the meantime, there is nothing left to do.
"""
EXPIRED = """\
Hello,

your document was not signed in time and is now closed:

    {title}
    Signer: {signer}
    Due: {due}

To ask for the signature once more, send the document again.
"""
LONGEST = 200
SUBJECT_TITLE = 60  # what lists of mails show
# Invisible controls, and marks that turn the direction of what follows, let a name rewrite the line around it.
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
JOINERS = "\u200c\u200d"  # hold letters of some scripts, and families of emoji, together


def reminder(*, title: str, requester: str, due_on: date, today: date) -> EmailMessage:
    """Write the mail to a signer, without its addresses."""
    left = (due_on - today).days
    when = "today" if left == 0 else "tomorrow" if left == 1 else f"in {left} days"
    text = REMINDER.format(
        requester=one_line(requester) or "Somebody",
        title=_named(title),
        until=f"It is due {when}, on {in_words(due_on)}.",
    )
    return _message(f"Reminder: please sign by {in_words(due_on)}: {_named(title, SUBJECT_TITLE)}", text)


def expired(*, title: str, signer: str, due_on: date) -> EmailMessage:
    """Write the mail to the person who asked for a signature."""
    text = EXPIRED.format(title=_named(title), signer=one_line(signer), due=in_words(due_on))
    return _message(f"Expired unsigned: {_named(title, SUBJECT_TITLE)}", text)


def address(text: str) -> str | None:
    """Give a mail address as the envelope and the headers take it, or None where the text is no address.

    International domains become ASCII; international names before the @ need servers that few are.
    """
    name, _, domain = text.strip().rpartition("@")
    try:
        plain = f"{name}@{domain.encode('idna').decode()}"
        return Address(addr_spec=plain).addr_spec if plain.isascii() else None
    except (ValueError, IndexError, AttributeError, MessageError):  # the codec's and the parser's ways to say no
        return None


def addressed(message: EmailMessage, *, sender: str, recipient: str, message_id: str) -> EmailMessage:
    """Put the addresses on a message.

    Why no recipient's name: the address alone delivers, and names from a database do strange things to headers.
    """
    message["From"] = sender
    message["To"] = Address(addr_spec=recipient)
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes in return
    return message


def in_words(day: date) -> str:
    """Give a date as people write it, the same in every locale."""
    months = "January February March April May June July August September October November December".split()
    return f"{day.day} {months[day.month - 1]} {day.year}"


def one_line(text: str, longest: int = LONGEST) -> str:
    """Give a text of the database as one line of visible characters, cut where it is too long."""
    visible = "".join(" " if unicodedata.category(mark) in HIDDEN and mark not in JOINERS else mark for mark in text)
    words = re.sub(r"\s+", " ", visible).strip()
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def _named(title: str, longest: int = LONGEST) -> str:
    return one_line(title, longest) or "a document without a title"


def _message(subject: str, text: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message.set_content(text, cte="quoted-printable")
    return message
