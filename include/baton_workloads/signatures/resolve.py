"""A person decides about a reminder of which nobody could know whether it was sent."""

from datetime import date
from typing import Any

from baton_workloads.environment import required
from baton_workloads.errors import DataError
from baton_workloads.etl.database import connect
from baton_workloads.idempotent.items import Items
from baton_workloads.signatures.remind import JOB, item_key

SENT = """
UPDATE public.signature_reminders SET outcome = 'sent'
 WHERE workflow_id = %s AND reminder_on = %s AND outcome = 'unconfirmed'
"""
NOT_SENT = """
DELETE FROM public.signature_reminders WHERE workflow_id = %s AND reminder_on = %s AND outcome = 'unconfirmed'
"""


def resolve(workflow_id: int, reminder_on: date, *, sent: bool) -> dict[str, Any]:
    """Record that an unconfirmed reminder was sent, or give it back to be sent.

    :raises DataError: there is no such unconfirmed reminder.
    """
    key = item_key(workflow_id, reminder_on)
    with connect(required("BATON_SHOP_WORKER_DSN"), "shop") as connection, connection.transaction():
        changed = connection.execute(SENT if sent else NOT_SENT, (workflow_id, reminder_on)).rowcount
        if changed != 1:
            raise DataError(f"reminder {key} is not unconfirmed; the table signature_reminders says what it is")
        items = Items(connection, JOB)
        if sent:
            items.complete(key, "sent")
        else:
            items.release(key)
    return {"job": "signatures resolve", "outcome": "sent" if sent else "due_again", "reminder": key}
