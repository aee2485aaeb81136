"""What goes wrong, as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from baton.jobs.api.shapes import Problem

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_NO_DATABASE = (
    "Airflow's database does not answer, or the tables of the jobs API are missing: name "
    "baton.jobs.api.db_manager.JobsApiDbManager in [database] external_db_managers and run `airflow db migrate`."
)


class ApiError(HTTPException):
    """A refusal: status, what is wrong and what to do."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(status, detail, headers)
        self.more = more


def answer_with_problems(app: FastAPI) -> None:
    """Let all that is wrong be answered in one form."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _wrong_words)
    app.add_exception_handler(SQLAlchemyError, _no_database)


def problem(status: int, detail: str, headers: Any = None, **more: Any) -> JSONResponse:
    """The answer."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, **more)
    return JSONResponse(body.model_dump(mode="json"), status, headers, MEDIA_TYPE)


async def _refused(_: Request, err: Exception) -> JSONResponse:
    if not isinstance(err, HTTPException):
        raise err
    return problem(err.status_code, str(err.detail), err.headers, **getattr(err, "more", {}))


async def _wrong_words(_: Request, err: Exception) -> JSONResponse:
    if not isinstance(err, RequestValidationError):
        raise err
    errors = [{"field": ".".join(map(str, each["loc"])), "problem": str(each["msg"])} for each in err.errors()]
    return problem(422, "; ".join(f"{each['field']}: {each['problem']}" for each in errors)[:500], errors=errors)


async def _no_database(_: Request, err: Exception) -> JSONResponse:
    log.warning("The jobs API cannot answer: %s", str(err).splitlines()[0][:300])
    return problem(503, _NO_DATABASE, {"Retry-After": "5"})
