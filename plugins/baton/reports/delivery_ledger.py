"""The delivery ledger: which report was made for which period, where its files are, whom it reached.

One small pair of tables in the warehouse, schema `baton`, made where it is missing. The report's id is
``{name}/{period}``: a second run for the same period finds the first one's deliveries and does not repeat them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from baton.exceptions import TransientError

LOCK = 0x6261746F, 6
"""This project's advisory locks begin with "bato"; 6 is the ledger's tables."""

CREATE = """
CREATE SCHEMA IF NOT EXISTS baton;
CREATE TABLE IF NOT EXISTS baton.reports (
    report_id    text PRIMARY KEY,
    name         text NOT NULL,
    period       text NOT NULL,
    period_label text NOT NULL,
    title        text NOT NULL,
    files        jsonb NOT NULL,
    recipients   jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'rendered' CHECK (state IN ('rendered', 'delivered', 'failed')),
    attempts     integer NOT NULL DEFAULT 0,
    made_by      text NOT NULL,
    rendered_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS baton.report_deliveries (
    report_id  text NOT NULL REFERENCES baton.reports ON DELETE CASCADE,
    channel    text NOT NULL,
    state      text NOT NULL CHECK (state IN ('sending', 'sent', 'failed')),
    attempts   integer NOT NULL DEFAULT 1,
    reference  text NOT NULL,
    note       text,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz,
    PRIMARY KEY (report_id, channel)
);
CREATE INDEX IF NOT EXISTS reports_name ON baton.reports (name, rendered_at DESC);
"""

REGISTER = """
INSERT INTO baton.reports (report_id, name, period, period_label, title, files, recipients, made_by)
VALUES (%(report_id)s, %(name)s, %(period)s, %(period_label)s, %(title)s, %(files)s::jsonb, %(recipients)s::jsonb,
        %(made_by)s)
ON CONFLICT (report_id) DO UPDATE
   SET files = EXCLUDED.files, recipients = EXCLUDED.recipients, title = EXCLUDED.title, made_by = EXCLUDED.made_by,
       period_label = EXCLUDED.period_label, updated_at = clock_timestamp()
"""
BEGIN_ATTEMPT = """
UPDATE baton.reports SET attempts = attempts + 1, updated_at = clock_timestamp() WHERE report_id = %s
"""
CLAIM = """
INSERT INTO baton.report_deliveries (report_id, channel, state, reference) VALUES (%s, %s, 'sending', %s)
ON CONFLICT (report_id, channel) DO UPDATE
   SET state = 'sending', attempts = baton.report_deliveries.attempts + 1, reference = EXCLUDED.reference, note = NULL,
       claimed_at = clock_timestamp(), ended_at = NULL
"""
END = """
UPDATE baton.report_deliveries SET state = %s, note = %s, ended_at = clock_timestamp()
 WHERE report_id = %s AND channel = %s
"""
SETTLE = """
UPDATE baton.reports SET state = %s, updated_at = clock_timestamp() WHERE report_id = %s
"""
FIND = """
SELECT state, claimed_at FROM baton.report_deliveries
 WHERE report_id = %s AND (channel = %s OR (channel = 'mail' AND state = 'sent' AND split_part(%s, ':', 1) = 'mail'))
"""
"""Reports were once recorded as sent by mail to all of their recipients together."""
DELIVERIES = """
SELECT channel, state, attempts, reference, note, claimed_at, ended_at FROM baton.report_deliveries
 WHERE report_id = %s ORDER BY channel
"""
REPORTS = """
SELECT report_id, name, period, period_label, title, files, recipients, state, attempts, made_by, rendered_at,
       updated_at
  FROM baton.reports
 WHERE (%(report_id)s::text IS NULL OR report_id = %(report_id)s) AND (%(name)s::text IS NULL OR name = %(name)s)
   AND (%(state)s::text IS NULL OR state = %(state)s)
 ORDER BY rendered_at DESC, report_id LIMIT %(limit)s OFFSET %(offset)s
"""


class Connection(Protocol):
    """What is used of a database connection; psycopg 2 and 3 both have it. Must be in autocommit."""

    def cursor(self) -> Any:
        """Give a cursor that is also a context manager."""


@dataclass(frozen=True)
class Delivery:
    """How one channel stands."""

    channel: str
    state: str
    attempts: int
    reference: str
    note: str | None
    claimed_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class RegisteredReport:
    """One report as the ledger knows it.

    :param files: kind, URI, size and SHA-256 of each file.
    :param recipients: channel kind → addresses.
    :param state: ``rendered`` (not delivered yet), ``delivered``, ``failed`` (some channel; see the deliveries).
    """

    report_id: str
    name: str
    period: str
    period_label: str
    title: str
    files: list[dict[str, Any]]
    recipients: dict[str, list[str]]
    state: str
    attempts: int
    made_by: str
    rendered_at: datetime
    updated_at: datetime
    deliveries: list[Delivery] = field(default_factory=list)


@dataclass(frozen=True)
class Claim:
    """The right to send one report through one channel, held until the block ends.

    :param is_sent: it was sent already; there is nothing to do.
    :param in_doubt_since: an earlier sender died between claim and record: perhaps it was sent.
    """

    is_sent: bool
    in_doubt_since: datetime | None = None


class DeliveryLedger:
    """The ledger on one connection.

    :param connection: in autocommit, of a role that owns schema `baton` or may use its tables.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def prepare(self) -> None:
        """Make the tables where they are missing; two at once take turns."""
        if self._rows("SELECT to_regclass('baton.report_deliveries')")[0][0] is not None:
            return
        self._run("SELECT pg_advisory_lock(%s, %s)", LOCK)
        try:
            self._run(CREATE)
        finally:
            self._run("SELECT pg_advisory_unlock(%s, %s)", LOCK)

    def register(self, manifest: Mapping[str, Any], recipients: Mapping[str, Sequence[str]], made_by: str) -> None:
        """Note a rendered report, or that it was rendered again, and that a delivery is attempted.

        :param manifest: what the pod wrote beside the files.
        :param made_by: the run, for whoever looks for its log.
        """
        plain = ("report_id", "name", "period", "period_label", "title")
        values = {name: manifest[name] for name in plain}
        files = json.dumps(manifest["files"])
        addresses = json.dumps({kind: list(addresses) for kind, addresses in recipients.items()})
        self._run(REGISTER, {**values, "files": files, "recipients": addresses, "made_by": made_by})
        self._run(BEGIN_ATTEMPT, (manifest["report_id"],))

    @contextmanager
    def claim(self, report_id: str, channel: str, reference: str) -> Iterator[Claim]:
        """Take the right to send, for as long as the block lasts.

        Why an advisory lock: it ends with the connection of a killed sender, so the next try need not wait.

        :param reference: what names the message at the other side, its Message-ID.
        :raises TransientError: another process sends it right now.
        """
        key = f"baton report {report_id} {channel}"
        if not self._rows("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (key,))[0][0]:
            raise TransientError(f"report {report_id} is being sent to {channel} by another run; this one tries later")
        try:
            found = self._rows(FIND, (report_id, channel, channel))
            state, claimed_at = found[0] if found else (None, None)
            if state == "sent":
                yield Claim(is_sent=True)
                return
            self._run(CLAIM, (report_id, channel, reference))
            yield Claim(is_sent=False, in_doubt_since=claimed_at if state == "sending" else None)
        finally:
            self._run("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (key,))

    def sent(self, report_id: str, channel: str, note: str | None = None) -> None:
        """Record that a message was accepted."""
        self._run(END, ("sent", note, report_id, channel))

    def failed(self, report_id: str, channel: str, reason: str) -> None:
        """Record that a message was refused, surely not sent."""
        self._run(END, ("failed", reason, report_id, channel))

    def in_doubt(self, report_id: str, channel: str, reason: str) -> None:
        """Record that a message was perhaps sent: the next claim says so."""
        self._run(END, ("sending", reason, report_id, channel))

    def settle(self, report_id: str, *, delivered: bool) -> None:
        """Record how the whole delivery stands."""
        self._run(SETTLE, ("delivered" if delivered else "failed", report_id))

    def find(self, report_id: str) -> RegisteredReport | None:
        """Give one report with its deliveries."""
        found = self.reports(report_id=report_id, limit=1)
        return found[0] if found else None

    def reports(
        self, *, report_id: str | None = None, name: str | None = None, state: str | None = None,
        limit: int = 50, offset: int = 0,
    ) -> list[RegisteredReport]:  # fmt: skip
        """List reports, the newest first."""
        wanted = {"report_id": report_id, "name": name, "state": state, "limit": limit, "offset": offset}
        return [
            replace(RegisteredReport(*row), deliveries=self._deliveries(row[0])) for row in self._rows(REPORTS, wanted)
        ]

    def _deliveries(self, report_id: str) -> list[Delivery]:
        return [Delivery(*row) for row in self._rows(DELIVERIES, (report_id,))]

    def _run(self, statement: str, parameters: Any = ()) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)

    def _rows(self, statement: str, parameters: Any = ()) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return list(cursor.fetchall())
