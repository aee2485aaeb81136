"""The app that Airflow serves below `/baton/v1`."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from baton.jobs.api import execution_routes, job_routes, queue_routes, report_routes, token_routes
from baton.jobs.api.problems import answer_with_problems
from baton.jobs.api.shapes import Problem

PREFIX = "/baton/v1"
TITLE = "Baton: jobs"
_ABOUT = (
    "Every DAG of an Airflow with Baton as a job. Show a named token (`./baton jobs token create`) or one of Airflow's "
    "own (`POST /auth/token`). What goes wrong is answered as `application/problem+json`."
)
_ROUTERS = (
    job_routes.router,
    execution_routes.router,
    queue_routes.router,
    report_routes.router,
    report_routes.linked,
    token_routes.router,
)


def make_app() -> FastAPI:
    """Make it. Its OpenAPI document is published in the documentation; it is not served, as nothing is to strangers."""
    app = FastAPI(title=TITLE, version="1", docs_url=None, redoc_url=None, openapi_url=None)
    for router in _ROUTERS:
        app.include_router(router)
    answer_with_problems(app)
    return app


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    made = get_openapi(title=TITLE, version="1", description=_ABOUT, routes=make_app().routes)
    made["servers"] = [{"url": PREFIX}]
    schemas = made["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{"token": []}]
    return made
