"""The mail: plain text, and the same as HTML that mail programs show without loading anything."""

from datetime import date
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

SENDER = Address("The shop", "summary", "shop.example")
Rows = list[tuple[str, str, int, Decimal]]

PAGE = """\
<!doctype html><html lang="en">
<body style="margin:0;background:#f4f5f7;font-family:Helvetica,Arial,sans-serif;color:#1f2933">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="560" cellpadding="0" cellspacing="0" style="max-width:560px;background:#ffffff;
border:1px solid #e1e4e8;border-radius:8px"><tr><td style="padding:28px 32px">
<p style="margin:0 0 4px;font-size:13px;color:#616e7c">{day_words}</p>
<h1 style="margin:0 0 16px;font-size:22px;font-weight:600">{headline}</h1>
<p style="margin:0 0 20px;font-size:15px;line-height:1.5">Good morning, {name}.</p>
{table}
<p style="margin:20px 0 0;font-size:15px;line-height:1.5">{pending}</p>
</td></tr></table>
<p style="font-size:12px;color:#7b8794;margin:16px 0 0">You get this once a day because your profile says so.</p>
</td></tr></table></body></html>
"""
CELL = '<td style="padding:8px 0;border-bottom:1px solid #e1e4e8;font-size:15px{more}">{text}</td>'
HEAD_CELL = '<th style="padding:0 0 6px;font-size:13px;font-weight:400;color:#616e7c;text-align:{side}">{text}</th>'
HEADER = "".join(
    HEAD_CELL.format(side=side, text=text)
    for side, text in (("left", "Status"), ("right", "Orders"), ("right", "Total"))
)
RIGHT = ";text-align:right;font-variant-numeric:tabular-nums"


def summary_mail(name: str, email: str, day: date, orders: Rows, pending: int, *, message_id: str) -> EmailMessage:
    """A user's summary of one day.

    :param orders: status, currency, number of orders, their sum.
    """
    message = EmailMessage(policy=SMTP)
    headline = _headline(orders)
    message["From"] = SENDER
    message["To"] = Address(" ".join(name.split()), addr_spec=email.strip())
    message["Subject"] = f"{headline}: {day:%d %B %Y}"
    message["Message-ID"] = f"<{message_id}@shop.example>"
    message["Auto-Submitted"] = "auto-generated"
    waiting = f"{pending:,} of your orders are still pending." if pending else "None of your orders is pending."
    lines = [f"{count:>6,}  {status:<10} {amount:>16,.2f} {currency}" for status, currency, count, amount in orders]
    message.set_content("\n".join([f"Good morning, {name}.", "", headline, *lines, "", waiting, ""]))
    words = {"day_words": f"{day:%A, %d %B %Y}", "headline": headline, "name": escape(name), "pending": waiting}
    message.add_alternative(PAGE.format(**words, table=_table(orders)), subtype="html")
    return message


def _headline(orders: Rows) -> str:
    count = sum(row[2] for row in orders)
    return f"{count:,} order{'' if count == 1 else 's'} placed with you" if count else "No orders placed with you"


def _table(orders: Rows) -> str:
    rows = [
        CELL.format(more="", text=escape(status))
        + CELL.format(more=RIGHT, text=f"{count:,}")
        + CELL.format(more=RIGHT, text=f"{amount:,.2f} {escape(currency)}")
        for status, currency, count, amount in orders
    ]
    if not rows:
        return ""
    body = "".join(f"<tr>{row}</tr>" for row in [HEADER, *rows])
    return f'<table width="100%" cellpadding="0" cellspacing="0">{body}</table>'
