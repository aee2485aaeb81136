"""Remind signers: at most one mail for each workflow and reminder date, whatever is killed.

The order is: envelope accepted by the mail server → claim committed → content sent → outcome committed. A kill before
the claim costs nothing, the next run sends. A kill after it leaves a claim without an outcome: perhaps the mail is out,
and SMTP has no way to ask. Such a reminder is never sent again by itself; the next run writes it into the log as
``unconfirmed`` and names it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from baton_workloads.etl.database import connect
from baton_workloads.idempotent.guard import GuardedRun
from baton_workloads.idempotent.items import UNCONFIRMED, ItemClaim, Items
from baton_workloads.idempotent.moment import moment
from baton_workloads.progress import Progress, say
from baton_workloads.signatures import mails
from baton_workloads.signatures.due import DueReminders, due_reminders, still_wanted
from baton_workloads.signatures.worker_run import run_worker
from baton_workloads.signatures.worker_settings import Mailer, WorkerSettings, read_settings, stop_if
from baton_workloads.smtp import Delivery

if TYPE_CHECKING:
    import psycopg

JOB = "signatures remind"
EVERY = timedelta(minutes=30)

# Who comes late with the truth corrects "unconfirmed"; nothing else is ever changed.
LOG = """
INSERT INTO public.signature_reminders (workflow_id, reminder_on, recipient, outcome, message_id, sent_at)
SELECT id, %s, signer_email, %s::text::public.reminder_outcome, %s, clock_timestamp()
  FROM public.signature_workflows WHERE id = %s
ON CONFLICT (workflow_id, reminder_on) DO UPDATE SET outcome = EXCLUDED.outcome, sent_at = EXCLUDED.sent_at
 WHERE public.signature_reminders.outcome = 'unconfirmed'
"""
OUTCOMES = {Delivery.SENT: "sent", Delivery.REFUSED: "bounced", Delivery.UNCONFIRMED: UNCONFIRMED}


def remind(zone: str, as_of: str | None = None, *, again: bool = False) -> dict[str, Any]:
    """Send the reminders that are due.

    :param zone: IANA name; decides what day it is.
    :param as_of: pretend it is this day or time; None for the database's now.
    :param again: also when this half hour's window is done.
    :returns: the job's result: outcome, as_of, and how many were sent, bounced, skipped, put off, unconfirmed.
    """
    return run_worker(JOB, _work, every=EVERY, zone=zone, as_of=as_of, again=again)


def preview(zone: str, as_of: str | None = None) -> dict[str, Any]:
    """Name the reminders that are due, and change and send nothing."""
    with connect(read_settings().dsn, "shop") as connection:
        now = moment(connection, zone, as_of)
        due = list(due_reminders(connection, now))
    for reminder in due:
        say(f"would remind of workflow {reminder.workflow_id}, reminder date {reminder.days[-1]}")
    return {"job": JOB, "outcome": "dry_run", "as_of": now.today.isoformat(), "due": len(due)}


def item_key(workflow_id: int, reminder_on: date) -> str:
    """Name one reminder in the ledger."""
    return f"{workflow_id}/{reminder_on.isoformat()}"


def message_id(workflow_id: int, reminder_on: date, domain: str) -> str:
    """Give the Message-ID of one reminder: always the same, so it can be looked for in the mail server's log."""
    return f"<signature-reminder.{workflow_id}.{reminder_on.isoformat()}@{domain}>"


def _work(run: GuardedRun, settings: WorkerSettings, mailer: Mailer, asked: Callable[[], bool]) -> Counter[str]:
    worker = _Worker(run, settings, mailer)
    worker.settle_interrupted()
    worker.send_all(asked)
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
        self.counts: Counter[str] = Counter(sent=0, bounced=0, skipped=0, put_off=0, unconfirmed=0)

    def settle_interrupted(self) -> None:
        """Write reminders that were interrupted into the log, and name them."""
        for found in self.items.interrupted():
            workflow_id, _, day = found.item.partition("/")
            self._record(int(workflow_id), date.fromisoformat(day), UNCONFIRMED, found.reference)

    def send_all(self, asked: Callable[[], bool]) -> None:
        """Go through what is due, one mail at a time."""
        progress = Progress("reminders")
        for reminder in due_reminders(self.connection, self.run.moment):
            stop_if(asked, JOB)
            for day in reminder.days[:-1]:
                self._skip(reminder, day)
            self._send(reminder)
            progress.add(1)

    def _send(self, reminder: DueReminders) -> None:
        day = reminder.days[-1]
        recipient = mails.address(reminder.signer_email)
        if recipient is None:
            say(f"workflow {reminder.workflow_id}: its signer's address is none that mail can be sent to; skipped")
            self._skip(reminder, day)
            return
        message = mails.reminder(
            title=reminder.title, requester=reminder.requester, due_on=reminder.due_on, today=self.run.moment.today
        )
        own_id = message_id(reminder.workflow_id, day, self.settings.domain)
        wanted = partial(still_wanted, self.connection, reminder)
        claim = ItemClaim(self.items, item_key(reminder.workflow_id, day), own_id, wanted)
        delivery = self.mailer.send(message, recipient, own_id, claim)
        if delivery is Delivery.PUT_OFF:
            self.counts["put_off"] += 1
        elif delivery in OUTCOMES:
            self._record(reminder.workflow_id, day, OUTCOMES[delivery], own_id)

    def _record(self, workflow_id: int, day: date, outcome: str, own_id: str | None) -> None:
        with self.connection.transaction():
            self.items.complete(item_key(workflow_id, day), outcome)
            self.connection.execute(LOG, (day, outcome, own_id, workflow_id))
        self.counts[outcome] += 1
        if outcome == UNCONFIRMED:
            say(
                f"workflow {workflow_id}, reminder date {day}: interrupted while it was sent, so perhaps it was; it is"
                f" not sent again. Look for {own_id} in the mail server's log, then run"
                f" `signatures resolve {workflow_id} {day} --sent` or `--not-sent`"
            )

    def _skip(self, reminder: DueReminders, day: date) -> None:
        with self.connection.transaction():
            self.items.dismiss(item_key(reminder.workflow_id, day), "skipped")
            self.connection.execute(LOG, (day, "skipped", None, reminder.workflow_id))
        self.counts["skipped"] += 1
