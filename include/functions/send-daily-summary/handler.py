"""Mail each user who wants it a summary of a day: the orders that they handle.

Body: ``{"day": "2026-10-31"}``; the day is the user's own, in their time zone.
Answer: ``{"sent": 97, "already": 0, "unknown": 0, "refused": 1, "invalid": 0}``. With refused mails its status is
503: call again.

Each user gets a day's summary at most once. A row of ``job_executions`` is committed before the mail is handed over;
where the function was ended between the two, it says "running" for ever and nothing is sent again: ``unknown`` counts
those. A mail that the server has surely not taken is tried again by the next call, one to an invalid address never.
"""

import json
import os
import smtplib
from datetime import date
from email.errors import MessageError
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
from function.mail import summary_mail

JOB = "send_daily_summary"

USERS = """
SELECT id, email, full_name, time_zone FROM users WHERE is_active AND wants_daily_summary ORDER BY id
"""

# One row for each user and day. The lock makes two calls at once agree on who sends; it is a statement of its own, so
# that the next one sees what the other call has committed.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(job)s || %(user)s::text || %(day)s::text, 0))"
FIND = """
SELECT id, status::text FROM job_executions
WHERE job_name = %(job)s AND requested_by = %(user)s AND parameters ->> 'day' = %(day)s::text
"""
ADD = """
INSERT INTO job_executions (job_name, status, requested_by, parameters, scheduled_at, started_at)
VALUES (%(job)s, 'running', %(user)s, jsonb_build_object('day', %(day)s::text), now(), now()) RETURNING id
"""
TAKE_UP = "UPDATE job_executions SET status = 'running', attempt = attempt + 1, started_at = now() WHERE id = %s"
END = """
UPDATE job_executions SET status = %s, finished_at = now(), duration = now() - started_at, error = %s WHERE id = %s
"""

ORDERS = """
SELECT status::text, currency, count(*), sum(total_amount) FROM orders
WHERE handled_by = %(user)s AND placed_at >= (%(day)s::date)::timestamp AT TIME ZONE %(zone)s
  AND placed_at < (%(day)s::date + 1)::timestamp AT TIME ZONE %(zone)s
GROUP BY status, currency ORDER BY status, currency
"""
PENDING = "SELECT count(*) FROM orders WHERE handled_by = %s AND status = 'pending'"


def secret(name: str) -> str:
    """A secret, from where OpenFaaS mounts it."""
    return (Path(os.environ.get("SECRETS_DIR", "/var/openfaas/secrets")) / name).read_text().strip()


def handle(event, context):
    """Answer one call."""
    try:
        day = date.fromisoformat(json.loads(event.body)["day"])
    except (ValueError, TypeError, KeyError):
        return {"statusCode": 400, "body": 'wanted: {"day": an ISO 8601 date}'}
    with psycopg.connect(secret("shop-dsn"), autocommit=True) as connection, mail_server() as server:
        outcomes = [send(connection, server, day, *user) for user in connection.execute(USERS).fetchall()]
    counts = {name: outcomes.count(name) for name in ("sent", "already", "unknown", "refused", "invalid")}
    return {"statusCode": 503 if counts["refused"] else 200, "body": counts}


def mail_server() -> smtplib.SMTP:
    """A connection to the mail server of the secret ``smtp-url``, smtp:// or smtps://."""
    address = urlsplit(secret("smtp-url"))
    kind = smtplib.SMTP_SSL if address.scheme == "smtps" else smtplib.SMTP
    server = kind(address.hostname or "", address.port or 0, timeout=30)
    if address.username:
        server.login(unquote(address.username), unquote(address.password or ""))
    return server


def send(connection: psycopg.Connection, server: smtplib.SMTP, day: date, user: int, *person: str) -> str:
    """Mail one user; says what became of it."""
    email, name, zone = person
    row, before = claim(connection, day, user)
    if row is None:
        return {"succeeded": "already", "cancelled": "invalid"}.get(before or "", "unknown")
    orders = connection.execute(ORDERS, {"user": user, "day": day, "zone": zone}).fetchall()
    pending = connection.execute(PENDING, (user,)).fetchone()
    number = pending[0] if pending else 0
    try:
        message = summary_mail(name, email, day, orders, number, message_id=f"summary-{user}-{day}")
    except (ValueError, MessageError):
        connection.execute(END, ("cancelled", "its address is none", row))
        return "invalid"
    try:
        server.send_message(message)
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as err:
        connection.execute(END, ("failed", type(err).__name__, row))  # the server said no: it has not taken it
        return "refused"
    connection.execute(END, ("succeeded", None, row))
    return "sent"


def claim(connection: psycopg.Connection, day: date, user: int) -> tuple[int | None, str | None]:
    """The row under which this call may send, or None and the state in which another call left or has it."""
    values = {"job": JOB, "user": user, "day": day}
    with connection.transaction():
        connection.execute(LOCK, values)
        found = connection.execute(FIND, values).fetchone()
        if found is None:
            added = connection.execute(ADD, values).fetchone()
            return (added[0] if added else None), None
        row, status = found
        if status != "failed":
            return None, status
        connection.execute(TAKE_UP, (row,))
        return row, status
