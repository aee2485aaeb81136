"""The page *Alerts*: what was decided about alerts, the kill switch, and what is wrong with routes and targets.

Who may read DAG runs may read it; who may edit DAGs may switch.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from baton.airflow_internals.airflow_server import (
    MAY_EDIT_DAGS,
    MAY_SEE_RUNS,
    MayEditDags,
    ReadableDags,
    SessionDep,
    UserName,
)
from baton.alerts import refusals
from baton.alerts.credentials import Credential
from baton.alerts.decisions import answer_of
from baton.alerts.ledger import Ledger
from baton.alerts.page.records import Wanted, counted, counts, page_of, refused, stored_alerts, switches, targets
from baton.alerts.payloads import Post, Received
from baton.alerts.routes import Routes
from baton.alerts.service import Service, UnavailableError
from baton.alerts.settings import read_settings
from baton.alerts.verdicts import Verdict
from baton.api.request_bodies import BodyTooLargeError, BodyTooSlowError, read_limited
from baton.api.static_page import make_page

log = logging.getLogger(__name__)
_TEXT = r"^[^\x00]*$"
"""What a database takes for a text."""
_MAX_ORDER_BYTES = 4096
_MAX_OFF_MINUTES = 30 * 24 * 60
_NO_TABLES = (
    "The receiver's tables cannot be read. Name baton.alerts.db_manager.AlertsDbManager in [database] "
    "external_db_managers and run `airflow db migrate`."
)


class _Switch(BaseModel):
    """What is to be switched; no route: all of them."""

    route: str = Field(default="", pattern="^([a-z0-9]([-a-z0-9_]{0,61}[a-z0-9])?)?$")
    on: bool
    minutes: int | None = Field(default=None, ge=1, le=_MAX_OFF_MINUTES, description="Off for so long; else for ever.")


class _Replay(BaseModel):
    """Which alerts are decided on anew.

    :param new: as alerts that begin now, so that those with a run get another; no cooldown holds them back.
    """

    ids: list[Annotated[int, Field(ge=0, lt=2**63)]] = Field(min_length=1, max_length=100)
    new: bool = False


Model = TypeVar("Model", bound=BaseModel)


async def _read(request: Request, model: type[Model]) -> Model:
    """Read by hand: FastAPI would read all of a body before it asks who sends it."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "nothing is changed from another site's page")
    try:
        return model.model_validate_json(bytes(await read_limited(request.stream(), request.headers, _MAX_ORDER_BYTES)))
    except BodyTooLargeError as err:
        raise HTTPException(413, f"an order has at most {_MAX_ORDER_BYTES} bytes") from err
    except BodyTooSlowError as err:
        raise HTTPException(503, "the body did not arrive in time: send it again") from err
    except ValidationError as err:
        raise HTTPException(422, err.errors(include_url=False, include_context=False, include_input=False)) from err


async def _wanted(request: Request) -> _Switch:
    return await _read(request, _Switch)


async def _wanted_replay(request: Request) -> _Replay:
    return await _read(request, _Replay)


def make_app() -> FastAPI:
    """Make the app that Airflow serves below `/baton/alerts`."""
    app = make_page(__package__, "alerts", "Baton: alerts")
    state = _State(Service(read_settings()))
    app.add_api_route("/data", _data, methods=["GET"], dependencies=MAY_SEE_RUNS)
    app.add_api_route("/counted", _counted, methods=["GET"], dependencies=MAY_SEE_RUNS)
    app.add_api_route("/state", state.read, methods=["GET"], dependencies=MAY_SEE_RUNS)
    app.add_api_route("/switch", state.switch, methods=["POST"], dependencies=MAY_EDIT_DAGS)
    app.add_api_route("/replay", state.replay, methods=["POST"], dependencies=MAY_EDIT_DAGS)
    app.add_api_route("/forget-refused", state.forget_refused, methods=["POST"], dependencies=MAY_EDIT_DAGS)
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


def _counted(
    session: SessionDep, readable: ReadableDags, response: Response, since: Annotated[AwareDatetime, Query()]
) -> dict[str, Any]:
    """How often each alert was seen, and what was decided, for digests."""
    response.headers["Cache-Control"] = "no-store"
    return counted(session, readable, since)


class _State:
    """Switches and routes, as this API server sees them."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def read(
        self, session: SessionDep, readable: ReadableDags, may_switch: MayEditDags, response: Response
    ) -> dict[str, Any]:
        """What is off, which routes there are, what is wrong, and how much was decided in a day."""
        response.headers["Cache-Control"] = "no-store"
        routes = self._routes()
        shown = targets(session, routes, readable, may_switch) if routes else []
        return {
            "now": datetime.now(UTC).isoformat(),
            "off": switches(session, None if may_switch else [route["name"] for route in shown]),
            "routes": shown,
            "has_routes": routes is not None,
            "has_senders": bool(self._service.credentials.current()),
            "problem": self._for_editors(self._service.routes_problem if self._service.is_routed else "", may_switch),
            "senders_problem": self._for_editors(self._senders_problem(), may_switch),
            "refused": refused(session),
            "may_switch": may_switch,
            "day": counts(session, readable),
        }

    @staticmethod
    def _for_editors(problem: str, may_switch: bool) -> str:
        """A problem's text names routes and DAGs, which not everybody may know of."""
        return problem if may_switch or not problem else "somebody who may edit DAGs sees here what is wrong"

    def _routes(self) -> Routes | None:
        try:
            return self._service.routes()
        except UnavailableError:
            return None

    def _senders_problem(self) -> str:
        if self._service.credentials.path is None:  # as after an installation, of which nobody has to be warned
            return ""
        senders = self._service.credentials.current()
        if problem := self._service.credentials.problem:
            return f"{problem}; {'nobody may send' if senders is None else 'the last good one stays in use'}"
        if not senders:
            return "the file of credentials names no sender"
        return "; ".join(filter(None, (self._service.credentials_problem, self._service.senders.problem)))

    def switch(
        self, wanted: Annotated[_Switch, Depends(_wanted)], session: SessionDep, user: UserName
    ) -> dict[str, Any]:
        """Switch a route, or all of them, off or on."""
        routes = self._routes()
        names = [route.name for route in routes.routes] if routes else None
        if wanted.route and not wanted.on and names is not None and wanted.route not in names:
            # What is off by a wrong name is on by its right one, and nobody looks again.
            raise HTTPException(404, f"there is no route {wanted.route}, only {', '.join(names)}: nothing was switched")
        now = datetime.now(UTC)
        until = now + timedelta(minutes=wanted.minutes) if wanted.minutes else None
        Ledger(session, now).switch(wanted.route, on=wanted.on, by=user, until=until)
        log.warning("%s switched alerts %s: %s", user, "on" if wanted.on else "off", wanted.route or "all routes")
        return {"off": switches(session, None)}

    def replay(
        self, wanted: Annotated[_Replay, Depends(_wanted_replay)], session: SessionDep, user: UserName
    ) -> dict[str, Any]:
        """Decide anew on alerts that are known, as if they were sent again now."""
        alerts = stored_alerts(session, wanted.ids)
        if not alerts:
            raise HTTPException(404, "none of these decisions is there, or none has an alert that can be replayed")
        now = datetime.now(UTC).isoformat()
        alerts = [replace(alert, route="", starts_at=now if wanted.new else alert.starts_at) for alert in alerts]
        post = Post([Received(alert) for alert in alerts])
        by = Credential(f"replayed by {user}"[:64], "replay")
        log.warning("%s replays %d alerts", user, len(alerts))
        try:
            decisions = self._service.receive(post, by, insists=wanted.new)
        except UnavailableError as err:
            raise HTTPException(503, str(err)) from err
        return {"decisions": [answer_of(decision) for decision in decisions]}

    def forget_refused(self, session: SessionDep, user: UserName) -> dict[str, int]:
        """Forget the posts that were refused: somebody has seen to them."""
        log.warning("%s forgets the refused posts", user)
        return {"forgotten": refusals.forget(session)}


def _no_tables(_: Request, err: Exception) -> Response:
    log.warning("The page of alerts cannot be shown: %s", str(err).splitlines()[0][:300])
    return JSONResponse({"detail": _NO_TABLES}, 503)
