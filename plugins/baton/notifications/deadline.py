"""Mail a run that missed its deadline."""

from __future__ import annotations

import logging
from typing import Any

from baton.notifications.mail import send_mail_async

log = logging.getLogger(__name__)


async def mail_missed_deadline(*, limit: str, context: dict[str, Any]) -> None:
    """Tell by mail that a run is late. The triggerer awaits this when a `DeadlineAlert` fires.

    :param limit: the deadline in words, "2 hours after it was queued".
    :param context: what Airflow gives to a deadline callback: `dag_run` and `deadline`, as plain data.
    """
    run = context.get("dag_run", {})
    subject = f"[Baton] {run.get('dag_id')} is late"
    text = f"Run {run.get('dag_run_id')} of DAG {run.get('dag_id')} is not done {limit}. {_state(run)}"
    try:
        await send_mail_async(subject=subject, text=text)
    except Exception:
        log.exception("The missed deadline could not be mailed: check the connection smtp_default")


def _state(run: dict[str, Any]) -> str:
    """What the run does now: a deadline passes, too, for one that failed long before."""
    state, end = run.get("state"), run.get("end_date")
    if state == "failed":
        return f"It failed{f' at {end}' if end else ''}."
    return "It waits to be started." if state == "queued" else "It still runs."
