"""Mail a run that missed its deadline."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from baton.notifications.mail import send_mail_async

log = logging.getLogger(__name__)
FAILED = "failed"


def _state(run: Mapping[str, Any]) -> str:
    """What the run did until then. Airflow counts one that failed as not done: its deadline passes as well."""
    if run.get("state") == FAILED:
        at = str(run.get("end_date") or "").replace("T", " ")[:16]
        return f"It failed{f' at {at} UTC' if at else ''}."
    return "It has not begun yet." if run.get("state") == "queued" else "It still runs."


async def mail_missed_deadline(*, limit: str, context: dict[str, Any]) -> None:
    """Tell by mail that a run is late. The triggerer awaits this when a `DeadlineAlert` fires.

    :param limit: the deadline in words, "2 hours after it was queued".
    :param context: what Airflow gives to a deadline callback: `dag_run` and `deadline`, as plain data.
    """
    run = context.get("dag_run", {})
    subject = f"[Baton] {run.get('dag_id')} {'failed' if run.get('state') == FAILED else 'is late'}"
    text = f"Run {run.get('dag_run_id')} of DAG {run.get('dag_id')} is not done {limit}. {_state(run)}"
    try:
        await send_mail_async(subject=subject, text=text)
    except Exception:
        log.exception("The missed deadline could not be mailed: check the connection smtp_default")
