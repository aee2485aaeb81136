"""Which reminders are due: the rule, in SQL, on whole days that the caller has decided."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from baton_workloads.idempotent.moment import Moment

if TYPE_CHECKING:
    import psycopg

BATCH = 200
CATCH_UP_DAYS = 2  # a reminder that an outage kept back is sent this many days later, then left out

# A reminder is due on due_on minus each of the days. Days are compared, never dates computed from what a row says: one
# absurd number must not end the run for everybody.
DUE = """
SELECT w.id, w.signer_email, w.document_title, w.due_on, coalesce(u.full_name, ''),
       (SELECT array_agg(DISTINCT w.due_on - d ORDER BY w.due_on - d)
          FROM unnest(w.remind_days_before) AS d
         WHERE d BETWEEN w.due_on - %(today)s AND w.due_on - %(today)s + %(catch_up)s AND d >= 0
           AND w.due_on - d >= coalesce((w.sent_at AT TIME ZONE %(zone)s)::date, w.due_on - d)
           AND NOT EXISTS (SELECT FROM public.signature_reminders r
                            WHERE r.workflow_id = w.id AND r.reminder_on = w.due_on - d)) AS days
  FROM public.signature_workflows w LEFT JOIN public.users u ON u.id = w.requested_by
 WHERE w.status IN ('sent', 'viewed') AND w.due_on BETWEEN %(today)s AND %(today)s + 3650 AND w.id > %(after)s
   AND w.remind_days_before && (SELECT array_agg(n) FROM generate_series(w.due_on - %(today)s,
                                                                         w.due_on - %(today)s + %(catch_up)s) n)
 ORDER BY w.id LIMIT %(batch)s
"""
STILL = """
SELECT EXISTS (SELECT FROM public.signature_workflows
                WHERE id = %s AND status IN ('sent', 'viewed') AND due_on = %s AND signer_email = %s)
"""


@dataclass(frozen=True)
class DueReminders:
    """One workflow with its reminder dates that are due and not in the log.

    :param days: ascending, at least one. Only the last is sent: nobody gets two mails at once after an outage.
    """

    workflow_id: int
    signer_email: str
    title: str
    due_on: date
    requester: str
    days: list[date]


def due_reminders(connection: "psycopg.Connection[Any]", moment: Moment) -> Iterator[DueReminders]:
    """Yield what is due, in batches by id: memory stays small, and each batch is read when its turn comes."""
    after = 0
    while True:
        values = {"today": moment.today, "zone": moment.zone, "catch_up": CATCH_UP_DAYS, "after": after, "batch": BATCH}
        rows = connection.execute(DUE, values).fetchall()
        yield from (DueReminders(*row) for row in rows if row[-1])
        if len(rows) < BATCH:
            return
        after = rows[-1][0]


def still_wanted(connection: "psycopg.Connection[Any]", reminder: DueReminders) -> bool:
    """Whether nothing that matters has changed since the batch was read: the signer may have signed meanwhile."""
    row = connection.execute(STILL, (reminder.workflow_id, reminder.due_on, reminder.signer_email)).fetchone()
    return bool(row and row[0])
