"""The routes of queues and metrics."""

from __future__ import annotations

from fastapi import APIRouter, Response

from baton.airflow_internals.airflow_server import SessionDep
from baton.jobs.api.given import CallerDep, refusals
from baton.jobs.api.guard import GuardedRoute
from baton.jobs.api.metrics import CONTENT_TYPE, exposition
from baton.jobs.api.queue_status import queues_status
from baton.jobs.api.shapes import QueuesStatus

router = APIRouter(route_class=GuardedRoute, tags=["queues"])


@router.get("/queues/status", responses=refusals())
def get_queues(session: SessionDep, caller: CallerDep) -> QueuesStatus:
    """How the queues stand: of all jobs, as numbers without names."""
    return queues_status(session)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}, **refusals()},
)
def get_metrics(session: SessionDep, caller: CallerDep) -> Response:
    """Metrics of the jobs that you may see, for Prometheus (OpenMetrics)."""
    return Response(exposition(session, caller), media_type=CONTENT_TYPE)
