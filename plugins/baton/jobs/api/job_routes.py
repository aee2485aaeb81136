"""The routes of jobs: list, one, run, pause, resume, schedule."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

import jsonschema
from fastapi import APIRouter, Header, Query, Response

from baton.airflow_internals.airflow_server import SessionDep
from baton.airflow_internals.dag_runs import RefusedError, RunRequest, Runs, TargetError
from baton.airflow_internals.schedule_rows import audit
from baton.airflow_internals.stored_jobs import StoredDag, ask_to_parse, set_paused
from baton.airflow_internals.stored_runs import find_run
from baton.jobs.api.callers import Caller, Right
from baton.jobs.api.catalogue import (
    DAGS,
    Filters,
    input_schema_of,
    jobs_of,
    next_runs_of,
    one_dag,
    override_of,
    readable_dags,
    schedule_of_dag,
)
from baton.jobs.api.cursors import cursor_of, place_of
from baton.jobs.api.executions import started
from baton.jobs.api.given import CallerDep, Cursor, JobId, Limit, Word, refusals
from baton.jobs.api.guard import GuardedRoute
from baton.jobs.api.overrides import overrides, reset_override, set_override
from baton.jobs.api.policy import Row
from baton.jobs.api.problems import ApiError
from baton.jobs.api.schedules import checked_schedule
from baton.jobs.api.shapes import Job, JobPage, NewSchedule, RunInput, Scheduled, Started

router = APIRouter(route_class=GuardedRoute, tags=["jobs"])
_TOO_LATE = "the schedule was changed by somebody else meanwhile: read it again"


@router.get("/jobs", response_model=JobPage, responses=refusals())
def list_jobs(
    session: SessionDep,
    caller: CallerDep,
    cursor: Cursor = None,
    limit: Limit = 100,
    text: Word = None,
    tag: Word = None,
    queue: Word = None,
    job_type: Word = None,
    enabled: Annotated[bool | None, Query()] = None,
) -> Response:
    """The jobs that you may see, by their names."""
    found = readable_dags(session, caller, Filters(text or "", tag, queue, job_type, enabled))
    after = place_of(cursor)
    rest = [dag for dag in found if after is None or dag.dag_id > after]
    page = rest[:limit]
    following = cursor_of(page[-1].dag_id) if len(rest) > limit else None
    shown = JobPage(data=list(jobs_of(session, caller, page)), next_cursor=following, total=len(found))
    return Response(shown.model_dump_json(), media_type="application/json")  # FastAPI would check each job once more


@router.get("/jobs/{job_id}", responses=refusals(404))
def get_job(job_id: JobId, session: SessionDep, caller: CallerDep) -> Job:
    """One job."""
    return next(jobs_of(session, caller, [one_dag(session, caller, job_id)]))


@router.post("/jobs/{job_id}/run", status_code=202, responses=refusals(403, 404, 409, 413))
def run_job(
    job_id: JobId,
    session: SessionDep,
    caller: CallerDep,
    body: RunInput | None = None,
    idempotency_key: Annotated[str | None, Header(max_length=200, pattern=r"^[\x21-\x7e]+$")] = None,
) -> Started:
    """Run a job now. The same `Idempotency-Key` of the same caller gives the same execution, however often it comes."""
    dag = one_dag(session, caller, job_id, Right.RUN)
    given = (body or RunInput()).input
    _check_input(dag, given)
    run_id = _run_id(caller, job_id, idempotency_key)
    runs = Runs(session, "jobs")
    if idempotency_key is None or find_run(session, job_id, run_id) is None:
        _make(runs, RunRequest(job_id, run_id, given, datetime.now(UTC), caller.name))
    found = find_run(session, job_id, run_id)
    if found is None:  # pragma: no cover - somebody deletes runs as fast as they are made
        raise ApiError(409, "the run was deleted at once")
    if json.dumps(found.conf, sort_keys=True) != json.dumps(given, sort_keys=True):
        raise ApiError(409, "this Idempotency-Key was used with another input: take a new one for a new run")
    return started(found)


def _make(runs: Runs, wanted: RunRequest) -> None:
    try:
        runs.make(wanted)
    except TargetError as err:
        raise ApiError(409, str(err)) from err
    except RefusedError as err:
        raise ApiError(422, str(err)) from err


def _run_id(caller: Caller, job_id: str, key: str | None) -> str:
    if key is None:
        return f"api__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}__{secrets.token_hex(4)}"
    return f"api__{hashlib.sha256(json.dumps([caller.name, job_id, key]).encode()).hexdigest()[:40]}"


def _check_input(dag: StoredDag, given: dict[str, Any]) -> None:
    """Against the job's schema, with the defaults that the run takes where nothing is said."""
    schema = input_schema_of(dag)
    if "\\u0000" in json.dumps(given):
        raise ApiError(422, "input: no text of it may hold U+0000")
    defaults = {name: each["default"] for name, each in schema["properties"].items() if "default" in each}
    try:
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors({**defaults, **given}))
    except (jsonschema.SchemaError, RecursionError) as err:
        raise ApiError(409, f"the job's own schema of its input is broken: {str(err)[:200]}") from err
    if errors:
        fields = [
            {"field": "/".join(["input", *map(str, each.path)]), "problem": each.message[:300]} for each in errors
        ]
        raise ApiError(422, f"{fields[0]['field']}: {fields[0]['problem']}", errors=fields[:20])


@router.post("/jobs/{job_id}/pause", responses=refusals(403, 404))
def pause_job(job_id: JobId, session: SessionDep, caller: CallerDep) -> Job:
    """Let no clock start a job, until it is resumed. What runs goes on."""
    return _switch(session, caller, job_id, paused=True)


@router.post("/jobs/{job_id}/resume", responses=refusals(403, 404))
def resume_job(job_id: JobId, session: SessionDep, caller: CallerDep) -> Job:
    """Let the clock start a job again."""
    return _switch(session, caller, job_id, paused=False)


def _switch(session: SessionDep, caller: Caller, job_id: str, *, paused: bool) -> Job:
    one_dag(session, caller, job_id, Right.MANAGE)
    set_paused(session, job_id, paused=paused)
    audit(session, "baton_pause" if paused else "baton_resume", f"jobs: {caller.name}", job_id)
    session.flush()
    return next(jobs_of(session, caller, DAGS.read(session, [job_id])))


@router.put("/jobs/{job_id}/schedule", responses=refusals(403, 404, 412, 413))
def put_schedule(
    job_id: JobId,
    body: NewSchedule,
    session: SessionDep,
    caller: CallerDep,
    if_match: Annotated[str | None, Header(max_length=100)] = None,
) -> Scheduled:
    """Give a job another schedule, which wins over its file until it is reset. It counts within a minute."""
    dag = one_dag(session, caller, job_id, Right.MANAGE)
    row = overrides(session).get(job_id)
    cron, every, zone, following = checked_schedule(body, schedule_of_dag(dag, row).timezone)
    if body.dry_run:
        return Scheduled(
            job_id=job_id, cron_expression=cron, every_seconds=every, timezone=zone, override=override_of(row),
            next_runs=following,
        )  # fmt: skip
    if if_match is not None and if_match.strip('"') != _version(row):
        raise ApiError(412, _TOO_LATE)
    made = set_override(session, job_id, cron, every, zone, caller.name)
    ask_to_parse(session, job_id)
    return Scheduled(
        job_id=job_id, cron_expression=cron, every_seconds=every, timezone=zone, override=override_of(made),
        next_runs=following,
    )  # fmt: skip


def _version(row: Row | None) -> str:
    """`changed_at` of the override, as callers have seen it; empty without one."""
    shown = override_of(row)
    return str(shown.model_dump(mode="json")["changed_at"]) if shown else ""


@router.delete("/jobs/{job_id}/schedule", responses=refusals(403, 404))
def reset_schedule(job_id: JobId, session: SessionDep, caller: CallerDep) -> Scheduled:
    """Let the job's file say again when it runs. It counts within a minute."""
    dag = one_dag(session, caller, job_id, Right.MANAGE)
    if job_id in overrides(session):
        reset_override(session, job_id, caller.name)
        ask_to_parse(session, job_id)
    own = schedule_of_dag(dag, None)
    return Scheduled(
        job_id=job_id, cron_expression=own.cron_expression, every_seconds=own.every_seconds, timezone=own.timezone,
        next_runs=next_runs_of(dag, own),
    )  # fmt: skip
