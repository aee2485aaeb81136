"""What the page *Alerts* reads from the receiver's tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from baton.airflow_internals.dag_runs import Runs, TargetError
from baton.alerts.ledger import OFF
from baton.alerts.routes import Routes
from baton.alerts.tables import DECISIONS, STATE
from baton.alerts.verdicts import MEANINGS, Verdict

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

PAGE_ROWS = 100
_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions are wanted.

    :param readable: DAGs that the reader may see; decisions without a DAG are everybody's.
    :param route: None: all; empty: those that no route took.
    """

    readable: set[str]
    route: str | None
    verdicts: list[Verdict]
    text: str
    before: int | None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Them, as the database asks for them."""
        table = DECISIONS.c
        found: list[ColumnElement[bool]] = [_readable(self.readable)]
        if self.route is not None:
            found.append(table.route == self.route)
        if self.verdicts:
            found.append(table.verdict.in_(self.verdicts))
        if self.before is not None:
            found.append(table.id < self.before)
        for word in self.text.split():
            columns = (table.alert, table.reason, table.run_id, table.fingerprint, table.sender)
            found.append(or_(*(func.lower(column).contains(word.lower(), autoescape=True) for column in columns)))
        return found


def page_of(session: Session, wanted: Wanted) -> dict[str, Any]:
    """One page of decisions, newest first, and whether there are more."""
    query = select(DECISIONS).where(*wanted.conditions()).order_by(DECISIONS.c.id.desc()).limit(PAGE_ROWS + 1)
    rows = [_row(found) for found in session.execute(query).mappings()]
    return {"now": datetime.now(UTC).isoformat(), "rows": rows[:PAGE_ROWS], "more": len(rows) > PAGE_ROWS}


def _row(found: Any) -> dict[str, Any]:
    row = {name: value for name, value in found.items() if name not in ("cooldown_key", "alert")}
    moments = {name: found[name].astimezone(UTC).isoformat() for name in ("first_at", "last_at")}
    meaning = MEANINGS[Verdict(found["verdict"])]
    return {**row, **moments, "meaning": meaning, **json.loads(found["alert"])}


def counts(session: Session, readable: set[str]) -> dict[str, dict[str, int]]:
    """By verdict: alerts and repeats that were seen in the last 24 hours."""
    table = DECISIONS.c
    since = datetime.now(UTC) - _DAY
    query = select(table.verdict, func.count(), func.sum(table.repeats)).where(
        table.last_at >= since, _readable(readable)
    )
    found = session.execute(query.group_by(table.verdict))
    return {verdict: {"alerts": alerts, "repeats": int(repeats)} for verdict, alerts, repeats in found}


def _readable(readable: set[str]) -> ColumnElement[bool]:
    return or_(DECISIONS.c.dag_id.is_(None), DECISIONS.c.dag_id.in_(sorted(readable)))


def switches(session: Session) -> list[dict[str, str]]:
    """What is switched off: route (empty: all of them), by whom, since when."""
    query = select(STATE).where(STATE.c.name.startswith(OFF)).order_by(STATE.c.name)
    return [
        {"route": row.name.removeprefix(OFF), "by": row.changed_by, "at": row.changed_at.astimezone(UTC).isoformat()}
        for row in session.execute(query)
    ]


def targets(session: Session, routes: Routes, readable: set[str]) -> list[dict[str, str]]:
    """Each route with its DAG, and why that DAG could not run now."""
    runs = Runs(session)
    return [
        {"name": route.name, "dag_id": route.dag_id, "problem": _problem(runs, route.dag_id)}
        for route in routes.routes
        if route.dag_id in readable or not runs.knows(route.dag_id)
    ]


def _problem(runs: Runs, dag_id: str) -> str:
    try:
        runs.check(dag_id)
    except TargetError as err:
        return str(err)
    return ""
