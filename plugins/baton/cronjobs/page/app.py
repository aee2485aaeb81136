"""The page *CronJob chains*: one HTML file, its style and script, and one JSON endpoint. Everything wants a login."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Response

from baton.airflow_internals.airflow_server import MAY_SEE_RUNS, ReadableDags, SessionDep
from baton.api.static_page import make_page
from baton.cronjobs.page.content import content
from baton.cronjobs.page.model import Window
from baton.cronjobs.page.records import MAX_RUNS, Tasks, read_runs

MAX_HOURS = 24 * 7
_SHARE_TO_COME = 1 / 12
"""Of the time that is shown: the next ticks are of interest too."""


def make_app() -> FastAPI:
    """Make the app that Airflow serves below `/baton/chains`."""
    app = make_page(__package__, "chains", "Baton: CronJob chains")
    app.add_api_route("/data", _data, methods=["GET"], dependencies=MAY_SEE_RUNS)
    return app


def _data(
    session: SessionDep,
    readable: ReadableDags,
    response: Response,
    hours: Annotated[float, Query(gt=0, le=MAX_HOURS)] = 24,
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
    return content(window, tasks.jobs.values(), runs, started_by) | {"max_runs": MAX_RUNS if are_cut else None}


def _window(now: datetime, hours: float, end: datetime | None) -> Window:
    if end is None:
        end = now + timedelta(hours=hours * _SHARE_TO_COME)
    end = (end if end.tzinfo else end.replace(tzinfo=UTC)).astimezone(UTC)
    return Window(end - timedelta(hours=hours), end, now)
