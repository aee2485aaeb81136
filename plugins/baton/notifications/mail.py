"""Send one plain text mail through the connection `smtp_default`.

The connection also names the readers (extra `to_email`), so DAGs are the same on each installation.
"""

from __future__ import annotations

from html import escape

from baton.exceptions import PermanentError

SMTP_CONNECTION = "smtp_default"


def send_mail(*, subject: str, text: str) -> None:
    """Send a mail to the connection's `to_email`.

    :raises PermanentError: the connection names no reader.
    """
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    with SmtpHook(SMTP_CONNECTION) as smtp:
        smtp.send_email_smtp(to=_readers(smtp.smtp_connection), subject=subject, html_content=_html(text))


async def send_mail_async(*, subject: str, text: str) -> None:
    """Do the same as `send_mail` in the triggerer, without blocking it."""
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    async with SmtpHook(SMTP_CONNECTION) as smtp:
        await smtp.asend_email_smtp(to=_readers(smtp.smtp_connection), subject=subject, html_content=_html(text))


def _readers(connection: object) -> list[str]:
    extra = getattr(connection, "extra_dejson", {})
    readers = [reader.strip() for reader in str(extra.get("to_email", "")).split(",") if reader.strip()]
    if not readers:
        raise PermanentError(f"connection {SMTP_CONNECTION} names no reader: set to_email in its extra")
    return readers


def _html(text: str) -> str:
    return f'<pre style="white-space:pre-wrap">{escape(text)}</pre>'  # a phone is narrower than the documentation
