"""The routes of executions: of a job, one, cancel, retry."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from baton.airflow_internals.airflow_server import SessionDep
from baton.airflow_internals.dag_runs import Runs
from baton.airflow_internals.stored_runs import CANCELLED_NOTE, StoredExecution, find_execution, page_of_executions
from baton.jobs.api.callers import Caller, Right
from baton.jobs.api.catalogue import one_dag
from baton.jobs.api.cursors import cursor_of, number_of
from baton.jobs.api.executions import (
    AIRFLOW_STATES,
    execution,
    execution_detail,
    found_execution,
    started,
    status_of,
)
from baton.jobs.api.given import CallerDep, Cursor, ExecutionId, JobId, Limit, refusals
from baton.jobs.api.guard import GuardedRoute
from baton.jobs.api.problems import ApiError
from baton.jobs.api.shapes import Execution, ExecutionDetail, ExecutionPage, Retry, Started, Status

router = APIRouter(route_class=GuardedRoute, tags=["executions"])
_ENDED = (Status.SUCCESS, Status.FAILED, Status.CANCELLED)


@router.get("/jobs/{job_id}/executions", responses=refusals(404))
def list_executions(
    job_id: JobId,
    session: SessionDep,
    caller: CallerDep,
    status: Annotated[list[Status] | None, Query(max_length=5)] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ExecutionPage:
    """The executions of a job, the newest first."""
    one_dag(session, caller, job_id)
    wanted = set(status or ())
    states = {AIRFLOW_STATES[each] for each in wanted}
    asked = wanted & {Status.FAILED, Status.CANCELLED}
    only = Status.CANCELLED in asked if len(wanted) == len(asked) == 1 else None
    if Status.FAILED in asked and Status.CANCELLED not in asked:
        only = False
    found = page_of_executions(
        session, job_id, states, cancelled=only, before=number_of(cursor), most=limit + 1
    )  # fmt: skip
    following = cursor_of(str(found[limit - 1].number)) if len(found) > limit else None
    return ExecutionPage(data=[execution(each) for each in found[:limit]], next_cursor=following)


@router.get("/executions/{execution_id}", responses=refusals(404))
def get_execution(
    execution_id: ExecutionId,
    session: SessionDep,
    caller: CallerDep,
    log_lines: Annotated[int, Query(ge=0, le=500, description="Of the log's end; 0: none of it")] = 50,
) -> ExecutionDetail:
    """One execution: steps, tries, how long they took, the end of the log that says most."""
    return execution_detail(session, _reached(session, caller, execution_id, Right.READ), log_lines)


@router.post("/executions/{execution_id}/cancel", responses=refusals(403, 404, 409))
def cancel_execution(execution_id: ExecutionId, session: SessionDep, caller: CallerDep) -> Execution:
    """End an execution that still goes."""
    found = _reached(session, caller, execution_id, Right.CANCEL)
    runs = Runs(session, "jobs")
    if status_of(found.state) in _ENDED or not runs.cancel(found.dag_id, found.run_id, caller.name):
        raise ApiError(409, f"{execution_id} has ended already")
    runs.note(found.dag_id, found.run_id, f"{CANCELLED_NOTE}{caller.name}")
    return execution(_again(session, found))


@router.post("/executions/{execution_id}/retry", status_code=202, responses=refusals(403, 404, 409, 413))
def retry_execution(
    execution_id: ExecutionId, session: SessionDep, caller: CallerDep, body: Retry | None = None
) -> Started:
    """Begin an execution again that has ended: with the step that failed, or the whole of it."""
    found = _reached(session, caller, execution_id, Right.CANCEL)
    wanted = body or Retry()
    if status_of(found.state) not in _ENDED:
        raise ApiError(409, f"{execution_id} has not ended: wait, or cancel it first")
    only_failed = wanted.mode == "failed_steps"
    if not Runs(session, "jobs").begin_again(found.dag_id, found.run_id, caller.name, only_failed=only_failed):
        raise ApiError(409, f"nothing of {execution_id} has failed: take the mode whole to run all of it again")
    return started(_again(session, found))


def _reached(session: SessionDep, caller: Caller, execution_id: str, right: Right) -> StoredExecution:
    """The execution, if the caller may do that with it."""
    found = found_execution(session, execution_id)
    try:
        one_dag(session, caller, found.dag_id, right)
    except ApiError as err:
        if err.status_code == 404:
            raise ApiError(404, f"there is no execution {execution_id}, or you may not see it") from err
        raise
    return found


def _again(session: SessionDep, found: StoredExecution) -> StoredExecution:
    session.flush()
    session.expire_all()
    return find_execution(session, found.number) or found
