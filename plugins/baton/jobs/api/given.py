"""What FastAPI gives the routes: who calls, and words of path and query that a database takes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from baton.jobs.api.callers import Caller
from baton.jobs.api.shapes import TEXT, Problem


def _caller(request: Request) -> Caller:
    found: Caller = request.scope["baton_caller"]
    return found


CallerDep = Annotated[Caller, Depends(_caller)]
JobId = Annotated[str, Path(max_length=250, pattern=TEXT)]
ExecutionId = Annotated[str, Path(max_length=100, pattern=TEXT)]
Cursor = Annotated[str | None, Query(max_length=400, description="next_cursor of the page before")]
Limit = Annotated[int, Query(ge=1, le=500)]
Word = Annotated[str | None, Query(max_length=200, pattern=TEXT)]

_MEANINGS = {
    401: "Nobody that is known",
    403: "Known, and without the right",
    404: "Not there, or not to be seen",
    409: "Not as it stands now",
    412: "Changed meanwhile",
    413: "Too large",
    422: "Not understood",
    429: "Too often",
    503: "Not now",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Answers besides the good one, for the OpenAPI document: 401, 429 and 503 always."""
    content = {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {
        status: {"description": _MEANINGS[status], "content": content}
        for status in sorted({401, 422, 429, 503, *statuses})
    }
