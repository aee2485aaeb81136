"""Schedules that the API sets: one stored row for each job, which wins over the job's file until it is reset.

All rows are one Airflow variable (`baton.jobs.api.policy`). The API server changes it under a lock and asks the DAG
processor to read the job's file at once; that puts the schedule into the DAG, so the scheduler, Airflow's UI and the
API see one and the same. What a task may do with variables, it may do with this one: whoever writes DAGs can say when
they run anyway.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from baton.airflow_internals.schedule_rows import audit, locked_row, read_row, set_text, text_of
from baton.jobs.api.policy import VARIABLE, Row, rows_of
from baton.settings import settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_DESCRIPTION = "Schedules that were set by Baton's jobs API. Change them there: `./baton jobs reschedule`."


def overrides(session: Session) -> dict[str, Row]:
    """The rows, by DAG."""
    return rows_of(read_row(session, VARIABLE))


def set_override(session: Session, dag_id: str, cron: str | None, every_seconds: int | None, zone: str, by: str) -> Row:
    """Store a schedule; it counts as soon as the DAG processor has read the job's file, within a minute."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    row: Row = {"cron": cron, "every_seconds": every_seconds, "timezone": zone, "by": by, "at": at}
    _change(session, dag_id, row, by)
    return row


def reset_override(session: Session, dag_id: str, by: str) -> None:
    """Let the job's file say again when it runs."""
    _change(session, dag_id, None, by)


def _change(session: Session, dag_id: str, row: Row | None, by: str) -> None:
    stored = locked_row(session, VARIABLE, _DESCRIPTION)
    rows = rows_of(text_of(stored))
    before = rows.pop(dag_id, None)
    if row is not None:
        rows[dag_id] = row
    set_text(stored, json.dumps(rows, sort_keys=True))
    audit(session, "baton_reschedule", f"jobs: {by}", dag_id, json.dumps({"before": before, "after": row}))
    session.flush()


def default_zone() -> str:
    """Where nothing is said."""
    return settings().timezone
