"""What was decided before, and the locks under which new things are decided. One for each transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from baton.alerts.conf import Alert
from baton.alerts.tables import DECISIONS, STATE
from baton.alerts.verdicts import ENDED, RUN, Verdict
from baton.alerts.without_secrets import text_without_secrets

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

OFF = "off:"
FOR_EVER = "off"
_LOCK = "lock:"
_ROUTES = "routes"


class Identity(NamedTuple):
    """An alert on its way along a route: the same however often it is sent.

    :param starts_at: ISO 8601, UTC.
    """

    route: str
    fingerprint: str
    starts_at: str


@dataclass(slots=True)
class Entry:
    """One row of the table: a verdict on an alert."""

    identity: Identity
    verdict: Verdict
    reason: str
    dag_id: str | None = None
    run_id: str | None = None
    id: int | None = None
    """None: not stored yet."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a cooldown key."""

    at: datetime
    dag_id: str
    run_id: str


class Ledger:
    """The two tables, as one post sees and changes them."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session, self._now = session, now
        self._new: dict[tuple[Identity, Verdict], dict[str, Any]] = {}
        self._repeats: Counter[int] = Counter()

    def known(self, identities: Collection[Identity]) -> dict[Identity, list[Entry]]:
        """The stored verdicts on these alerts, oldest first."""
        found: dict[Identity, list[Entry]] = {}
        table = DECISIONS.c
        key = tuple_(table.route, table.fingerprint, table.starts_at)
        columns = (*Identity._fields, "verdict", "reason", "dag_id", "run_id", "id")
        for part in _parts(sorted(identities)):
            query = select(*(table[name] for name in columns)).where(key.in_(part)).order_by(table.id)
            for *who, verdict, reason, dag_id, run_id, number in self._session.execute(query):
                identity = Identity(*who)
                entry = Entry(identity, Verdict(verdict), reason, dag_id, run_id, number)
                found.setdefault(identity, []).append(entry)
        return found

    def lock(self, routes: Iterable[str]) -> None:
        """Wait until nobody else decides on these routes; until the end of the transaction nobody else does."""
        names = sorted({_LOCK + route for route in routes})
        query = select(STATE.c.name).where(STATE.c.name.in_(names)).order_by(STATE.c.name).with_for_update()
        missing = set(names) - set(self._session.scalars(query))
        for name in sorted(missing):
            self._set_new(name, "", "")
        if missing:
            self._session.execute(query)

    def _set_new(self, name: str, value: str, by: str) -> bool:
        row = {"name": name, "value": value, "changed_by": by, "changed_at": self._now}
        try:
            with self._session.begin_nested():
                self._session.execute(insert(STATE).values(row))
        except IntegrityError:
            return False  # somebody else made it at this moment
        return True

    def last_runs(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], LastRun]:
        """The newest run of each pair of route and cooldown key that has one."""
        table = DECISIONS.c
        key = tuple_(table.route, table.cooldown_key)
        found: dict[tuple[str, str], LastRun] = {}
        for part in _parts(sorted(keys)):
            newest = select(func.max(table.id)).where(key.in_(part), table.verdict == RUN)
            newest = newest.group_by(table.route, table.cooldown_key)
            query = select(table.route, table.cooldown_key, table.first_at, table.dag_id, table.run_id)
            for route, cooldown_key, at, dag_id, run_id in self._session.execute(query.where(table.id.in_(newest))):
                found[route, cooldown_key] = LastRun(at.astimezone(UTC), dag_id, run_id)
        return found

    def newest_open_run(self, route: str, fingerprint: str, before: str) -> Entry | None:
        """The newest run of a fingerprint whose alert began before a moment and of which no end is known yet."""
        table, end = DECISIONS.c, DECISIONS.alias("ended").c
        ended = select(end.id).where(end.run_id == table.run_id, end.route == route, end.verdict.in_(ENDED)).exists()
        mine = (table.route == route, table.fingerprint == fingerprint, table.verdict == RUN)
        query = select(table.starts_at, table.dag_id, table.run_id, table.id).where(*mine, ~ended)
        for starts_at, dag_id, run_id, number in self._session.execute(query.order_by(table.id.desc()).limit(20)):
            if datetime.fromisoformat(starts_at) <= datetime.fromisoformat(before):
                return Entry(Identity(route, fingerprint, starts_at), RUN, "", dag_id, run_id, number)
        return None

    def runs_since(self, route: str, begin: datetime) -> int:
        """How many runs a route has made since then."""
        table = DECISIONS.c
        mine = (table.route == route, table.verdict == RUN, table.first_at >= begin)
        return self._session.scalar(select(func.count()).where(*mine)) or 0

    def switched_off(self) -> dict[str, str]:
        """Who switched what off: by route, `""` for all of them."""
        query = select(STATE.c.name, STATE.c.value, STATE.c.changed_by).where(STATE.c.name.startswith(OFF))
        found = self._session.execute(query)
        return {name.removeprefix(OFF): by for name, value, by in found if is_off(value, self._now)}

    def add(self, entry: Entry, alert: Alert, *, sender: str, cooldown_key: str) -> None:
        """Note a new verdict; the same one again counts as a repeat."""
        if (entry.identity, entry.verdict) in self._new:
            self._new[entry.identity, entry.verdict]["repeats"] += 1
            return
        self._new[entry.identity, entry.verdict] = {
            **entry.identity._asdict(),
            "verdict": entry.verdict,
            "reason": text_without_secrets(entry.reason)[:1000],
            "cooldown_key": cooldown_key,
            "source": alert.source,
            "sender": sender,
            "dag_id": entry.dag_id,
            "run_id": entry.run_id,
            "alert": json.dumps(asdict(alert), ensure_ascii=False),
            "repeats": 0,
            "first_at": self._now,
            "last_at": self._now,
        }

    def repeat(self, entry: Entry) -> None:
        """Count an alert that meets a verdict of before."""
        if entry.id is not None:
            self._repeats[entry.id] += 1
        elif (new := self._new.get((entry.identity, entry.verdict))) is not None:
            new["repeats"] += 1

    def write(self) -> None:
        """Store what was noted. Rows are locked in the order of their numbers: two posts never wait crosswise."""
        for part in _parts(list(self._new.values())):
            self._session.execute(insert(DECISIONS), part)
        table = DECISIONS.c
        for part in _parts(sorted(self._repeats)):
            self._session.execute(select(table.id).where(table.id.in_(part)).order_by(table.id).with_for_update())
            for times in {self._repeats[number] for number in part}:
                same = [number for number in part if self._repeats[number] == times]
                change = update(DECISIONS).where(table.id.in_(same))
                self._session.execute(change.values(repeats=table.repeats + times, last_at=self._now))

    def switch(self, route: str, *, on: bool, by: str, until: datetime | None = None) -> None:
        """Switch a route, or with `""` all of them, on or off.

        :param until: it is on again from then; None: somebody has to switch it on.
        """
        name, value = OFF + route, until.astimezone(UTC).isoformat() if until else FOR_EVER
        if on:
            self._session.execute(delete(STATE).where(STATE.c.name == name))
        elif not self._set_new(name, value, by[:100]):
            change = update(STATE).where(STATE.c.name == name)
            self._session.execute(change.values(value=value, changed_by=by[:100], changed_at=self._now))

    def last_good_routes(self) -> str | None:
        """The text of the last file of routes that could be used."""
        return self._session.scalar(select(STATE.c.value).where(STATE.c.name == _ROUTES))

    def keep_routes(self, text: str) -> None:
        """Remember the text of a file of routes that can be used."""
        if self._set_new(_ROUTES, text, ""):
            return
        change = update(STATE).where(STATE.c.name == _ROUTES, STATE.c.value != text)
        self._session.execute(change.values(value=text, changed_at=self._now))

    def forget(self, before: datetime, most: int = 5000) -> int:
        """Remove decisions that nothing repeated since then; returns how many."""
        old = select(DECISIONS.c.id).where(DECISIONS.c.last_at < before).order_by(DECISIONS.c.last_at).limit(most)
        numbers = list(self._session.scalars(old))
        for part in _parts(numbers):
            self._session.execute(delete(DECISIONS).where(DECISIONS.c.id.in_(part)))
        return len(numbers)


def is_off(value: str, now: datetime) -> bool:
    """Whether the value of a switch says that it is off at a moment."""
    return value == FOR_EVER or datetime.fromisoformat(value) > now


def _parts(items: list[Any], size: int = 200) -> Iterable[list[Any]]:
    """Statements have a limited number of parameters."""
    return (items[at : at + size] for at in range(0, len(items), size))
