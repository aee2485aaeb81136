"""What the page *Alerts* reads from the receiver's tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select

from baton.airflow_internals.dag_runs import Runs, TargetError
from baton.alerts import refusals
from baton.alerts.conf import Alert
from baton.alerts.ledger import FOR_EVER, OFF, is_off
from baton.alerts.routes import Routes
from baton.alerts.tables import DECISIONS, STATE
from baton.alerts.verdicts import MEANINGS, Verdict

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

PAGE_ROWS = 100
COUNTED_NAMES = 500
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
    found = list(session.execute(query).mappings())
    pairs = {(row["dag_id"], row["run_id"]) for row in found if row["run_id"]}
    states = Runs(session).states(pairs)
    rows = [_row(row, states.get((row["dag_id"], row["run_id"]), "")) for row in found[:PAGE_ROWS]]
    return {"now": datetime.now(UTC).isoformat(), "rows": rows, "more": len(found) > PAGE_ROWS}


def _row(found: Any, run_state: str) -> dict[str, Any]:
    row = {name: value for name, value in found.items() if name not in ("cooldown_key", "alert")}
    alert = json.loads(found["alert"])
    annotations = alert.get("annotations", {})
    shown = {
        "labels": alert.get("labels", {}),
        "summary": alert.get("summary") or annotations.get("summary") or annotations.get("description") or "",
        "url": alert.get("url") or alert.get("generator_url", ""),
        "silence_url": alert.get("silence_url", ""),
        "runbook_url": annotations.get("runbook_url", ""),
        "run_state": run_state,
    }
    moments = {name: found[name].astimezone(UTC).isoformat() for name in ("first_at", "last_at")}
    meaning = MEANINGS[Verdict(found["verdict"])]
    return {**row, **moments, "meaning": meaning, **shown}


def counts(session: Session, readable: set[str]) -> dict[str, dict[str, int]]:
    """By verdict: alerts and repeats that were seen in the last 24 hours."""
    table = DECISIONS.c
    since = datetime.now(UTC) - _DAY
    query = select(table.verdict, func.count(), func.sum(table.repeats)).where(
        table.last_at >= since, _readable(readable)
    )
    found = session.execute(query.group_by(table.verdict))
    return {verdict: {"alerts": alerts, "repeats": int(repeats)} for verdict, alerts, repeats in found}


def counted(session: Session, readable: set[str], since: datetime) -> dict[str, Any]:
    """How often each alert was seen since a moment, and what was decided about it, the most frequent first.

    :returns: `decisions` of at most `COUNTED_NAMES` pairs; `left_out` is the number of alerts of all other pairs.
    """
    table = DECISIONS.c
    query = select(table.alert, table.fingerprint, table.verdict, table.repeats)
    query = query.where(table.last_at >= since, _readable(readable)).execution_options(yield_per=1000)
    found: Counter[tuple[str, str]] = Counter()
    for text, fingerprint, verdict, repeats in session.execute(query):
        alert = json.loads(text)
        annotations = alert.get("annotations", {})
        name = alert.get("labels", {}).get("alertname") or annotations.get("summary") or alert.get("summary")
        found[str(name or fingerprint)[:200], MEANINGS[Verdict(verdict)]] += 1 + repeats
    shown = found.most_common(COUNTED_NAMES)
    return {
        "decisions": [{"alert": name, "decision": what, "count": count} for (name, what), count in shown],
        "left_out": found.total() - sum(count for _, count in shown),
    }


def _readable(readable: set[str]) -> ColumnElement[bool]:
    """What a reader may see: decisions about DAGs that they may read, and those that no route took."""
    nobodys = and_(DECISIONS.c.dag_id.is_(None), DECISIONS.c.route == "")
    return or_(nobodys, DECISIONS.c.dag_id.in_(sorted(readable)))


def switches(session: Session, visible: Collection[str] | None) -> list[dict[str, str]]:
    """What is switched off: route (empty: all of them), by whom, since when, and until when if that is known.

    :param visible: routes that the reader may know of; None: all.
    """
    query = select(STATE).where(STATE.c.name.startswith(OFF)).order_by(STATE.c.name)
    found = [(row.name.removeprefix(OFF), row) for row in session.execute(query)]
    now = datetime.now(UTC)
    return [
        {
            "route": route,
            "by": row.changed_by,
            "at": row.changed_at.astimezone(UTC).isoformat(),
            "until": "" if row.value == FOR_EVER else row.value,
        }
        for route, row in found
        if is_off(row.value, now) and (visible is None or not route or route in visible)
    ]


def targets(session: Session, routes: Routes, readable: set[str], may_edit: bool) -> list[dict[str, Any]]:
    """Each route that the reader may know of, with its DAG, and why that DAG could not run now.

    `in_vain` is how many alerts of a day it was that started nothing for it: until there is one, a DAG that is paused
    since it was installed is as it should be.
    """
    runs = Runs(session)
    in_vain = _in_vain(session)
    return [
        {
            "name": route.name,
            "dag_id": route.dag_id,
            "problem": _problem(runs, route.dag_id),
            "in_vain": in_vain.get(route.name, 0),
        }
        for route in routes.routes
        if route.dag_id in readable or (may_edit and not runs.knows(route.dag_id))
    ]


def _in_vain(session: Session) -> dict[str, int]:
    table = DECISIONS.c
    mine = (table.verdict == Verdict.NO_TARGET, table.last_at >= datetime.now(UTC) - _DAY)
    query = select(table.route, func.count()).where(*mine).group_by(table.route)
    return {route: count for route, count in session.execute(query)}


def refused(session: Session) -> list[dict[str, Any]]:
    """Posts of the last day of which nothing was decided."""
    return refusals.since(session, datetime.now(UTC) - _DAY)


def stored_alerts(session: Session, numbers: Collection[int]) -> list[Alert]:
    """The alerts of decisions, as they were stored; those that are not there, or too old to be whole, are left out."""
    query = select(DECISIONS).where(DECISIONS.c.id.in_(sorted(numbers))).order_by(DECISIONS.c.id)
    found = []
    for row in session.execute(query).mappings():
        alert = json.loads(row["alert"])
        if row["verdict"] not in (Verdict.UNREADABLE, Verdict.LEFT_OUT) and alert.get("source") and alert.get("labels"):
            found.append(Alert(**{part.name: alert[part.name] for part in fields(Alert) if part.name in alert}))
    return found


def _problem(runs: Runs, dag_id: str) -> str:
    try:
        runs.check(dag_id)
    except TargetError as err:
        return str(err)
    return ""
