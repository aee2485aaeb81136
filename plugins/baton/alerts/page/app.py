"""The page *Alerts*: what was decided about alerts, the kill switch, and what is wrong with routes and targets.

Who may read DAG runs may read it; who may edit DAGs may switch.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from baton.airflow_internals.airflow_server import (
    MAY_EDIT_DAGS,
    MAY_SEE_RUNS,
    MayEditDags,
    ReadableDags,
    SessionDep,
    UserName,
)
from baton.alerts.ledger import Ledger
from baton.alerts.page.records import Wanted, counts, page_of, switches, targets
from baton.alerts.routes import Routes
from baton.alerts.service import Service, UnavailableError
from baton.alerts.settings import read_settings
from baton.alerts.verdicts import Verdict
from baton.api.request_bodies import BodyTooLargeError, BodyTooSlowError, read_limited
from baton.api.static_page import make_page

log = logging.getLogger(__name__)
_TEXT = r"^[^\x00]*$"
"""What a database takes for a text."""
_MAX_SWITCH_BYTES = 1024
_NO_TABLES = (
    "The receiver's tables cannot be read. Name baton.alerts.db_manager.AlertsDbManager in [database] "
    "external_db_managers and run `airflow db migrate`."
)


class _Switch(BaseModel):
    """What is to be switched; no route: all of them."""

    route: str = Field(default="", pattern="^([a-z0-9]([-a-z0-9_]{0,61}[a-z0-9])?)?$")
    on: bool


async def _wanted(request: Request) -> _Switch:
    """Read by hand: FastAPI would read all of a body before it asks who sends it."""
    try:
        return _Switch.model_validate_json(
            bytes(await read_limited(request.stream(), request.headers, _MAX_SWITCH_BYTES))
        )
    except BodyTooLargeError as err:
        raise HTTPException(413, f"a switch has at most {_MAX_SWITCH_BYTES} bytes") from err
    except BodyTooSlowError as err:
        raise HTTPException(503, "the body did not arrive in time: send it again") from err
    except ValidationError as err:
        raise HTTPException(422, err.errors(include_url=False, include_context=False, include_input=False)) from err


def make_app() -> FastAPI:
    """Make the app that Airflow serves below `/baton/alerts`."""
    app = make_page(__package__, "alerts", "Baton: alerts")
    state = _State(Service(read_settings()))
    app.add_api_route("/data", _data, methods=["GET"], dependencies=MAY_SEE_RUNS)
    app.add_api_route("/state", state.read, methods=["GET"], dependencies=MAY_SEE_RUNS)
    app.add_api_route("/switch", state.switch, methods=["POST"], dependencies=MAY_EDIT_DAGS)
    app.add_exception_handler(SQLAlchemyError, _no_tables)
    return app


def _data(
    session: SessionDep,
    readable: ReadableDags,
    response: Response,
    route: Annotated[str | None, Query(max_length=64, pattern=_TEXT)] = None,
    verdict: Annotated[list[Verdict] | None, Query()] = None,
    text: Annotated[str, Query(max_length=200, pattern=_TEXT)] = "",
    before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
) -> dict[str, Any]:
    """Decisions, the newest first; `before` is the `id` of the last one that is known."""
    response.headers["Cache-Control"] = "no-store"
    return page_of(session, Wanted(readable, route, verdict or [], text, before))


class _State:
    """Switches and routes, as this API server sees them."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def read(
        self, session: SessionDep, readable: ReadableDags, may_switch: MayEditDags, response: Response
    ) -> dict[str, Any]:
        """What is off, which routes there are, what is wrong, and how much was decided in a day."""
        response.headers["Cache-Control"] = "no-store"
        off = switches(session)
        routes = self._routes()
        return {
            "off": off,
            "routes": targets(session, routes, readable) if routes else [],
            "has_routes": routes is not None,
            "problem": self._service.routes_problem,
            "senders_problem": self._senders_problem(),
            "may_switch": may_switch,
            "day": counts(session, readable),
        }

    def _routes(self) -> Routes | None:
        try:
            return self._service.routes()
        except UnavailableError:
            return None

    def _senders_problem(self) -> str:
        senders = self._service.credentials.current()
        if problem := self._service.credentials.problem:
            return f"{problem}; {'nobody may send' if senders is None else 'the last good one stays in use'}"
        return "" if senders else "the file of credentials names no sender"

    def switch(
        self, wanted: Annotated[_Switch, Depends(_wanted)], request: Request, session: SessionDep, user: UserName
    ) -> dict[str, Any]:
        """Switch a route, or all of them, off or on."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise HTTPException(403, "a switch is not thrown from another site's page")
        routes = self._routes()
        names = [route.name for route in routes.routes] if routes else None
        if wanted.route and not wanted.on and names is not None and wanted.route not in names:
            # What is off by a wrong name is on by its right one, and nobody looks again.
            raise HTTPException(404, f"there is no route {wanted.route}, only {', '.join(names)}: nothing was switched")
        Ledger(session, datetime.now(UTC)).switch(wanted.route, on=wanted.on, by=user)
        log.warning("%s switched alerts %s: %s", user, "on" if wanted.on else "off", wanted.route or "all routes")
        return {"off": switches(session)}


def _no_tables(_: Request, err: Exception) -> Response:
    log.warning("The page of alerts cannot be shown: %s", str(err).splitlines()[0][:300])
    return JSONResponse({"detail": _NO_TABLES}, 503)
