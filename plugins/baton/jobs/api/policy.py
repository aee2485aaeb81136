"""Puts the schedule that the jobs API gave a job into its DAG, when the DAG processor reads the job's file.

A DAG policy: every process of Airflow that reads DAG files calls it, so it imports little.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pluggy import HookimplMarker

VARIABLE = "baton_schedules"
"""Airflow variable with all rows, as JSON: DAG → `{"cron", "every_seconds", "timezone", "by", "at"}`."""
Row = dict[str, Any]


@HookimplMarker("airflow.policy")
def dag_policy(dag: Any) -> None:
    """As Airflow calls it where the wheel is installed; this repository's `config` calls `apply_override`."""
    apply_override(dag)


def apply_override(dag: Any) -> None:
    """Give a DAG that the DAG processor has just read the schedule that was set for it, if there is one.

    A task's process needs no schedule. Where the variable cannot be read, the file fails with an import error and is
    read again soon: a schedule that was moved must not come back for a moment.
    """
    if os.environ.get("_AIRFLOW_PROCESS_CONTEXT") != "client":  # not what reads files for the DAG processor
        return
    from airflow.sdk import get_parsing_context

    if get_parsing_context().dag_id is not None:
        return
    row = _read_once().get(dag.dag_id)
    if row is None:
        return
    from baton.jobs.api.timetable import RescheduledTimetable

    dag.timetable = RescheduledTimetable(row["cron"] or "", row["timezone"], row["at"], row["every_seconds"])


@lru_cache(maxsize=1)
def _read_once() -> Mapping[str, Row]:
    """Each DAG file is read by a process of its own."""
    from airflow.sdk import Variable

    return rows_of(Variable.get(VARIABLE, default=None))


def rows_of(text: str | None) -> dict[str, Row]:
    """The rows of the variable; none where somebody has broken it by hand."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {dag_id: row for dag_id, row in found.items() if isinstance(row, dict)} if isinstance(found, dict) else {}
