"""The page *CronJob chains*: one HTML file, its style and script, and one JSON endpoint. Everything wants a login."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import RedirectResponse

from baton.api.airflow_server import MAY_SEE_RUNS, SIGNED_IN, ReadableDags, SessionDep, login_address
from baton.pages.chains_content import content
from baton.pages.chains_parts import Window
from baton.pages.chains_records import MOST_RUNS, Tasks, read_runs

MOST_HOURS = 24 * 7
_SHARE_TO_COME = 1 / 12
"""Of the time that is shown: the next ticks are of interest too."""
_MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_HEADERS = {
    # Nothing from elsewhere, and nobody but Airflow's own UI may show it in a frame.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}


def make_app() -> FastAPI:
    """Make the app that Airflow serves below `/baton/chains`."""
    app = FastAPI(
        title="Baton: CronJob chains", dependencies=[SIGNED_IN], docs_url=None, redoc_url=None, openapi_url=None
    )
    app.add_api_route("/", _page, methods=["GET"])
    app.add_api_route("/chains.css", _style, methods=["GET"])
    app.add_api_route("/chains.js", _script, methods=["GET"])
    app.add_api_route("/data", _data, methods=["GET"], dependencies=MAY_SEE_RUNS)
    app.add_exception_handler(HTTPException, _sign_in_first)
    return app


def _page() -> Response:
    return _file("html")


def _style() -> Response:
    return _file("css")


def _script() -> Response:
    return _file("js")


def _file(suffix: str) -> Response:
    text = files("baton.pages").joinpath("static", f"chains.{suffix}").read_text(encoding="utf-8")
    return Response(text, media_type=_MEDIA_TYPES[suffix], headers=_HEADERS)


def _data(
    session: SessionDep,
    readable: ReadableDags,
    response: Response,
    hours: Annotated[float, Query(gt=0, le=MOST_HOURS)] = 24,
    end: datetime | None = None,
) -> dict[str, Any]:
    """Chains in the `hours` before `end` (ISO 8601, UTC where it names no zone; without one: a little after now)."""
    response.headers["Cache-Control"] = "no-store"
    now = datetime.now(UTC)
    try:
        window = _window(now, hours, end)
    except OverflowError as err:
        raise HTTPException(422, "end: there is no such time") from err
    tasks = Tasks(session, readable)
    runs, started_by, are_cut = read_runs(session, tasks, window)
    return content(window, tasks.jobs.values(), runs, started_by) | {"most_runs": MOST_RUNS if are_cut else None}


def _window(now: datetime, hours: float, end: datetime | None) -> Window:
    if end is None:
        end = now + timedelta(hours=hours * _SHARE_TO_COME)
    end = (end if end.tzinfo else end.replace(tzinfo=UTC)).astimezone(UTC)
    return Window(end - timedelta(hours=hours), end, now)


async def _sign_in_first(request: Request, err: Exception) -> Response:
    """Send people who open the page without a login there; scripts get the plain answer."""
    if not isinstance(err, HTTPException):
        raise err
    if err.status_code == 401 and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(login_address(request), status_code=307)
    return await http_exception_handler(request, err)
