"""Close workflows past their due date, and notify who asked for the signature: closed once, notified at most once.

Closing and noting that somebody has to be notified is one transaction; so a kill in between loses no notice.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from baton_workloads.etl.database import connect
from baton_workloads.idempotent.guard import GuardedRun
from baton_workloads.idempotent.items import UNCONFIRMED, ItemClaim, Items
from baton_workloads.idempotent.moment import moment
from baton_workloads.progress import Progress, say
from baton_workloads.signatures import mails
from baton_workloads.signatures.worker_run import run_worker
from baton_workloads.signatures.worker_settings import Mailer, WorkerSettings, read_settings, stop_if
from baton_workloads.smtp import Delivery

if TYPE_CHECKING:
    import psycopg

JOB = "signatures expire"
EVERY = timedelta(hours=2)
BATCH = 500

# A row that the signer's own transaction holds right now is left to the next run.
CLOSE = """
WITH late AS (SELECT id FROM public.signature_workflows
               WHERE status IN ('sent', 'viewed') AND due_on < %s
               ORDER BY due_on, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
UPDATE public.signature_workflows w SET status = 'expired', closed_at = greatest(%s, w.sent_at)
  FROM late WHERE w.id = late.id RETURNING w.id
"""
LATE = "SELECT id FROM public.signature_workflows WHERE status IN ('sent', 'viewed') AND due_on < %s ORDER BY id"
TO_NOTIFY = """
SELECT w.id, w.document_title, w.signer_name, w.due_on, coalesce(u.email, ''), coalesce(u.is_active, false)
  FROM baton.job_items i
  JOIN public.signature_workflows w ON w.id = i.item::bigint
  LEFT JOIN public.users u ON u.id = w.requested_by
 WHERE i.job = %s AND i.state = 'pending' AND w.id > %s ORDER BY w.id LIMIT %s
"""
OUTCOMES = {Delivery.SENT: "notified", Delivery.REFUSED: "bounced", Delivery.UNCONFIRMED: UNCONFIRMED}


def expire(zone: str, as_of: str | None = None, *, again: bool = False) -> dict[str, Any]:
    """Close what has expired and notify the requesters; parameters as of :func:`remind.remind`.

    :returns: the job's result: outcome, as_of, how many were closed, and how many requesters were notified, skipped
        (they have left), bounced, put off, unconfirmed.
    """
    return run_worker(JOB, _work, every=EVERY, zone=zone, as_of=as_of, again=again)


def preview(zone: str, as_of: str | None = None) -> dict[str, Any]:
    """Name the workflows that are past their due date, and change nothing."""
    with connect(read_settings().dsn, "shop") as connection:
        now = moment(connection, zone, as_of)
        late = connection.execute(LATE, (now.today,)).fetchall()
    for (workflow_id,) in late:
        say(f"would close workflow {workflow_id}")
    return {"job": JOB, "outcome": "dry_run", "as_of": now.today.isoformat(), "due": len(late)}


def message_id(workflow_id: int, domain: str) -> str:
    """Give the Message-ID of one workflow's notice."""
    return f"<signature-expired.{workflow_id}@{domain}>"


@dataclass(frozen=True)
class _Notice:
    workflow_id: int
    title: str
    signer: str
    due_on: date
    requester_email: str
    requester_is_active: bool


def _work(run: GuardedRun, settings: WorkerSettings, mailer: Mailer, asked: Callable[[], bool]) -> Counter[str]:
    worker = _Worker(run, settings, mailer)
    worker.settle_interrupted()
    worker.close_all(asked)
    worker.notify_all(asked)
    return worker.counts


@dataclass
class _Worker:
    """The work of one run."""

    run: GuardedRun
    settings: WorkerSettings
    mailer: Mailer

    def __post_init__(self) -> None:
        self.connection: psycopg.Connection[Any] = self.run.connection
        self.items = Items(self.connection, JOB)
        self.counts: Counter[str] = Counter(closed=0, notified=0, skipped=0, bounced=0, put_off=0, unconfirmed=0)

    def settle_interrupted(self) -> None:
        """Name the notices that were interrupted."""
        for found in self.items.interrupted():
            self._record(int(found.item), UNCONFIRMED, found.reference)

    def close_all(self, asked: Callable[[], bool]) -> None:
        """Close in batches, each with its notices noted in the same transaction."""
        while closed := self._close_batch():
            for workflow_id in closed:
                say(f"workflow {workflow_id}: closed as expired")
            self.counts["closed"] += len(closed)
            stop_if(asked, JOB)

    def _close_batch(self) -> list[int]:
        with self.connection.transaction():
            now = self.run.moment
            closed = [row[0] for row in self.connection.execute(CLOSE, (now.today, BATCH, now.now))]
            for workflow_id in closed:
                self.items.enqueue(str(workflow_id))
        return closed

    def notify_all(self, asked: Callable[[], bool]) -> None:
        """Mail each requester who is to be notified, also those whom earlier runs did not reach."""
        progress = Progress("notices")
        for notice in self._notices():
            stop_if(asked, JOB)
            self._notify(notice)
            progress.add(1)

    def _notices(self) -> Iterator[_Notice]:
        after = 0
        while rows := self.connection.execute(TO_NOTIFY, (JOB, after, BATCH)).fetchall():
            yield from (_Notice(*row) for row in rows)
            after = rows[-1][0]

    def _notify(self, notice: _Notice) -> None:
        key = str(notice.workflow_id)
        recipient = mails.address(notice.requester_email) if notice.requester_is_active else None
        if recipient is None:
            self.items.dismiss(key, "skipped")
            self.counts["skipped"] += 1
            return
        message = mails.expired(title=notice.title, signer=notice.signer, due_on=notice.due_on)
        own_id = message_id(notice.workflow_id, self.settings.domain)
        delivery = self.mailer.send(message, recipient, own_id, ItemClaim(self.items, key, own_id))
        if delivery is Delivery.PUT_OFF:
            self.counts["put_off"] += 1
        elif delivery in OUTCOMES:
            self._record(notice.workflow_id, OUTCOMES[delivery], own_id)

    def _record(self, workflow_id: int, outcome: str, own_id: str | None) -> None:
        self.items.complete(str(workflow_id), outcome)
        self.counts[outcome] += 1
        if outcome == UNCONFIRMED:
            say(
                f"workflow {workflow_id}: closed, but the notice to its requester was interrupted, so perhaps it was"
                f" sent; it is not sent again. Look for {own_id} in the mail server's log"
            )
