"""Schedules that the API sets: one stored row for each job, which wins over the job's file until it is reset.

All rows are one Airflow variable, `baton_schedules` (JSON: DAG → row). The API server changes it under a lock and asks
the DAG processor to read the job's file at once; that puts the schedule into the DAG (`apply_override`, a DAG policy),
so the scheduler, Airflow's UI and the API see one and the same. What a task may do with variables, it may do with this
one: whoever writes DAGs can say when they run anyway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow.sdk import Variable, get_parsing_context  # type: ignore[attr-defined]

from baton.airflow_internals.schedule_rows import audit, is_dag_processor, locked_row, read_row
from baton.jobs.api.timetable import RescheduledTimetable
from baton.settings import settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

VARIABLE = "baton_schedules"
_DESCRIPTION = "Schedules that were set by Baton's jobs API. Change them there: `./baton jobs reschedule`."
_BEFORE = timedelta(seconds=1)
Row = dict[str, Any]


def overrides(session: Session) -> dict[str, Row]:
    """DAG → `{"cron", "every_seconds", "timezone", "by", "at"}`."""
    return _rows(read_row(session, VARIABLE))


def set_override(session: Session, dag_id: str, cron: str | None, every_seconds: int | None, zone: str, by: str) -> Row:
    """Store a schedule; it counts as soon as the DAG processor has read the job's file, within a minute."""
    at = datetime.now(UTC).replace(microsecond=0).isoformat()
    row: Row = {"cron": cron, "every_seconds": every_seconds, "timezone": zone, "by": by, "at": at}
    _change(session, dag_id, row, by)
    return row


def reset_override(session: Session, dag_id: str, by: str) -> None:
    """Let the job's file say again when it runs."""
    _change(session, dag_id, None, by)


def _change(session: Session, dag_id: str, row: Row | None, by: str) -> None:
    stored = locked_row(session, VARIABLE, _DESCRIPTION)
    rows = _rows(stored.get_val())
    before = rows.pop(dag_id, None)
    if row is not None:
        rows[dag_id] = row
    stored.set_val(json.dumps(rows, sort_keys=True))
    audit(session, "baton_reschedule", f"jobs: {by}", dag_id, json.dumps({"before": before, "after": row}))
    session.flush()


def apply_override(dag: Any) -> None:
    """Give a DAG that the DAG processor has just read the schedule that was set for it, if there is one.

    A task's process needs no schedule. Where the variable cannot be read, the file fails with an import error and is
    read again soon: a schedule that was moved must not come back for a moment.
    """
    if not is_dag_processor() or get_parsing_context().dag_id is not None:
        return
    row = _read_once().get(dag.dag_id)
    if row is not None:
        dag.timetable = RescheduledTimetable(row["cron"] or "", row["timezone"], row["at"], row["every_seconds"])


@lru_cache(maxsize=1)
def _read_once() -> Mapping[str, Row]:
    """Each DAG file is read by a process of its own."""
    return _rows(Variable.get(VARIABLE, default=None))


def _rows(text: str | None) -> dict[str, Row]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {dag_id: row for dag_id, row in found.items() if isinstance(row, dict)} if isinstance(found, dict) else {}


def default_zone() -> str:
    """Where nothing is said."""
    return settings().timezone
