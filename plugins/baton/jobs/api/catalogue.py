"""What jobs there are: every DAG in service, in the words of the API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from baton.airflow_internals.stored_jobs import LastRun, StoredDag, StoredDags, last_runs, outcomes
from baton.jobs.api.callers import Caller, Right
from baton.jobs.api.executions import execution_id, status_of
from baton.jobs.api.overrides import default_zone, overrides
from baton.jobs.api.policy import Row
from baton.jobs.api.problems import ApiError
from baton.jobs.api.shapes import Job, Override, RecentRun, Schedule
from baton.jobs.api.timetable import coming
from baton.queues import Queue

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DAGS = StoredDags()
RATE_DAYS = 7
RECENT_RUNS = 10
_COMING = 5
_TYPES = {
    "area/reports": "report",
    "cronjob": "cronjob",
    "area/backups": "backup",
    "area/etl": "etl",
    "area/functions": "function",
    "area/incidents": "incident",
    "area/maintenance": "maintenance",
    "job": "job",
}
"""By the first of these tags."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which jobs are wanted; None: all.

    :param text: is part of name or description.
    """

    text: str = ""
    tag: str | None = None
    queue: str | None = None
    job_type: str | None = None
    enabled: bool | None = None

    def take(self, dag: StoredDag) -> bool:
        """Whether a job is one of them."""
        about = f"{dag.dag_id} {dag.description}".lower()
        return (
            all(word in about for word in self.text.lower().split())
            and (self.tag is None or self.tag in dag.tags)
            and (self.queue is None or queue_of(dag) == self.queue)
            and (self.job_type is None or job_type_of(dag) == self.job_type)
            and (self.enabled is None or self.enabled is not dag.is_paused)
        )


def readable_dags(session: Session, caller: Caller, filters: Filters) -> list[StoredDag]:
    """Jobs that the caller may see, by their names."""
    return [dag for dag in caller.readable(DAGS.read(session)) if filters.take(dag)]


def one_dag(session: Session, caller: Caller, job_id: str, right: Right = Right.READ) -> StoredDag:
    """A job with which the caller may do something.

    :raises ApiError: 404 there is none that the caller may see, 403 they may see it only.
    """
    found = caller.readable(DAGS.read(session, [job_id]))
    if not found and right != Right.READ:  # a token may be allowed to run without being allowed to read
        found = [dag for dag in DAGS.read(session, [job_id]) if caller.may(right, dag.dag_id, dag.tags)]
    if not found:
        raise ApiError(404, f"there is no job {job_id}, or you may not see it")
    [dag] = found
    if not caller.may(right, dag.dag_id, dag.tags):
        raise ApiError(403, f"you may not {right} the job {job_id}")
    return dag


def jobs_of(session: Session, caller: Caller, dags: list[StoredDag]) -> Iterator[Job]:
    """Jobs in the words of the API."""
    ids = [dag.dag_id for dag in dags]
    runs = last_runs(session, ids, RECENT_RUNS)
    rates = outcomes(session, ids, datetime.now(UTC) - timedelta(days=RATE_DAYS))
    moved = overrides(session)
    for dag in dags:
        yield _job(caller, dag, runs.get(dag.dag_id, []), rates.get(dag.dag_id), moved.get(dag.dag_id))


def _job(caller: Caller, dag: StoredDag, runs: list[LastRun], rate: tuple[int, int] | None, row: Row | None) -> Job:
    schedule = schedule_of_dag(dag, row)
    next_runs = next_runs_of(dag, schedule)
    note = note_of(dag)
    return Job(
        id=dag.dag_id,
        name=dag.dag_id,
        description=dag.description,
        job_type=job_type_of(dag),
        cron_expression=schedule.cron_expression,
        timezone=schedule.timezone,
        schedule=schedule,
        override=override_of(row),
        is_enabled=not dag.is_paused,
        is_broken=dag.is_broken,
        queue=queue_of(dag),
        tags=list(dag.tags),
        next_run_at=next_runs[0] if next_runs else None,
        next_runs=next_runs,
        last_run_status=status_of(runs[0].state) if runs else None,
        last_run_at=runs[0].run_after if runs else None,
        recent_runs=[_recent(run) for run in runs],
        success_rate=rate[0] / sum(rate) if rate else None,
        input_schema=input_schema_of(dag),
        steps=list(note.get("steps") or [task["task_id"] for task in tasks_of(dag)]),
        timeout_seconds=_seconds(dag.fields.get("dagrun_timeout")),
        links={"airflow": f"/dags/{quote(dag.dag_id)}", "executions": f"/baton/v1/jobs/{quote(dag.dag_id)}/executions"},
        may=[right for right in (Right.RUN, Right.CANCEL, Right.MANAGE) if caller.may(right, dag.dag_id, dag.tags)],
    )


def _recent(run: LastRun) -> RecentRun:
    took = (run.end - run.start).total_seconds() if run.end and run.start else None
    number = execution_id(run.number, run.run_type, run.run_after)
    return RecentRun(execution_id=number, status=status_of(run.state), duration_seconds=took)


def _seconds(found: Any) -> float | None:
    return float(found) if isinstance(found, int | float) else None


def tasks_of(dag: StoredDag) -> list[Mapping[str, Any]]:
    """The tasks as they are stored."""
    return [task["__var"] for task in dag.fields.get("tasks", ())]


def note_of(dag: StoredDag) -> Mapping[str, Any]:
    """What a job file says of itself, see `baton.jobs`; empty for other DAGs."""
    if "job" not in dag.tags:
        return {}
    for task in tasks_of(dag):
        try:
            note = json.loads(task.get("doc_json") or "{}")
        except ValueError:
            continue
        if isinstance(note, dict) and "job" in note:
            return note
    return {}


def queue_of(dag: StoredDag) -> str:
    """The queue of its first task; the others are nearly always in the same."""
    return next((str(task["queue"]) for task in tasks_of(dag) if task.get("queue")), Queue.DEFAULT.value)


def job_type_of(dag: StoredDag) -> str:
    """What kind of work it is."""
    return next((kind for tag, kind in _TYPES.items() if tag in dag.tags), "dag")


def input_schema_of(dag: StoredDag) -> dict[str, Any]:
    """The JSON schema of what a run may be given. A DAG without params that is no job file takes any object."""
    properties: dict[str, Any] = {}
    required = []
    for name, param in _params(dag):
        schema = dict(param.get("schema") or {})
        if param.get("description"):
            schema.setdefault("description", param["description"])
        if param.get("default") is not None:
            schema["default"] = param["default"]
        elif not _takes_null(schema):
            required.append(name)
        properties[name] = schema
    is_open = not properties and "job" not in dag.tags
    made: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": is_open}
    return {**made, **({"required": required} if required else {})}


def _takes_null(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type")
    return kinds is None or kinds == "null" or (isinstance(kinds, list) and "null" in kinds)


def _params(dag: StoredDag) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, param in dag.fields.get("params", ()):
        fields = param.get("__var", param) if isinstance(param, dict) else {}
        yield name, {key: _plain(value) for key, value in fields.items()}


def _plain(value: Any) -> Any:
    """Without the marks of Airflow's serialisation."""
    if isinstance(value, dict):
        return _plain(value["__var"]) if set(value) == {"__var", "__type"} else {k: _plain(v) for k, v in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def schedule_of_dag(dag: StoredDag, row: Row | None) -> Schedule:
    """What counts: the row if there is one, else what the DAG says."""
    summary = "" if dag.summary == "None" else dag.summary
    if row is not None:
        fields = {"cron_expression": row["cron"], "every_seconds": row["every_seconds"], "timezone": row["timezone"]}
        return Schedule(**fields, summary=summary)
    timetable = dag.fields.get("timetable") or {}
    if not isinstance(timetable, dict):
        return Schedule(summary=summary)
    fields = _plain(timetable.get("__var") or {})
    cron = fields.get("schedule") or fields.get("expression")
    zone = fields.get("time_zone") or fields.get("timezone")
    every = fields.get("seconds") or fields.get("every_seconds")
    return Schedule(
        cron_expression=cron if isinstance(cron, str) and cron else None,
        every_seconds=every if isinstance(every, int) else None,
        run_at=fields.get("moment"),
        timezone=zone if isinstance(zone, str) else None,
        summary=summary,
    )


def next_runs_of(dag: StoredDag, schedule: Schedule) -> list[datetime]:
    """When a clock starts it next. None while it is paused: no clock does."""
    if dag.is_paused:
        return []
    known = [dag.next_run_at] if dag.next_run_at else []
    if schedule.cron_expression is None and schedule.every_seconds is None:
        return known
    try:
        zone = schedule.timezone or default_zone()
        return coming(schedule.cron_expression, schedule.every_seconds, zone, _COMING)
    except ValueError:  # a form that Airflow knows and Kubernetes does not
        return known


def override_of(row: Row | None) -> Override | None:
    """The row in the words of the API."""
    if row is None:
        return None
    return Override(
        cron_expression=row["cron"],
        every_seconds=row["every_seconds"],
        timezone=row["timezone"],
        changed_by=row["by"],
        changed_at=row["at"],
    )
