"""What becomes of the alerts of one post: one decision for each alert and route, in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from baton.airflow_internals.dag_runs import RefusedError, RunRequest, Runs, TargetError
from baton.alerts.conf import MAX_OTHERS, Alert, make_conf
from baton.alerts.credentials import Credential
from baton.alerts.keys import cooldown_key, run_id, storm_run_id, window_of
from baton.alerts.ledger import Entry, Identity, LastRun, Ledger
from baton.alerts.payloads import JOBS, SILENCED, Post, Received
from baton.alerts.routes import Route, Routes
from baton.alerts.times import NO_START
from baton.alerts.verdicts import ENDED, FINAL, Verdict
from baton.alerts.without_secrets import without_secrets

log = logging.getLogger(__name__)
_COVERS = timedelta(hours=1)
"""How old a run may be and still have seen what had begun before it: an alert may have been silenced for days."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one alert on one route.

    :param repeated: it was decided before; nothing new was done.
    """

    alert: Alert
    entry: Entry
    repeated: bool


def answer_of(decision: Decision) -> dict[str, Any]:
    """A decision as its sender is told it."""
    entry = decision.entry
    return {
        "alert": decision.alert.labels.get("alertname", ""),
        "fingerprint": entry.identity.fingerprint,
        "starts_at": entry.identity.starts_at,
        "route": entry.identity.route or None,
        "decision": str(entry.verdict),
        "repeated": decision.repeated,
        "reason": entry.reason,
        "dag_id": entry.dag_id,
        "run_id": entry.run_id,
    }


@dataclass(frozen=True, slots=True)
class _Want:
    """One alert on one route, or on none."""

    alert: Alert
    identity: Identity
    key: str
    route: Route | None = None
    problem: str = ""
    remark: str = ""


@dataclass(slots=True)
class _Storm:
    """The alerts of this post that the run of a storm names.

    :param waits: whether that run still gathers.
    """

    route: Route
    run_id: str
    waits: bool
    others: list[Alert] = field(default_factory=list)


class Decider:
    """One post's way through routes, cooldown and budget.

    :param now: the moment of the post, UTC.
    :param insists: a person wants a run: no cooldown holds it back.
    """

    def __init__(
        self, ledger: Ledger, runs: Runs, routes: Routes, sender: Credential, now: datetime, *, insists: bool = False
    ) -> None:
        self._ledger, self._runs, self._routes, self._sender, self._now = ledger, runs, routes, sender, now
        self._insists = insists
        self._shown: dict[Identity, Alert] = {}
        self._known: dict[Identity, list[Entry]] = {}
        self._last: dict[tuple[str, str], LastRun] = {}
        self._off: dict[str, str] = {}
        self._spent: dict[str, int] = {}
        self._storms: dict[str, _Storm] = {}

    def decide(self, post: Post) -> list[Decision]:
        """Decide on all alerts of a post and note it; the caller commits.

        :raises SQLAlchemyError: the database does not answer as it should; nothing was done then.
        """
        wants = [want for received in post.received for want in self._wants(received)]
        wants += self._left_out(post)
        self._known = self._ledger.known({want.identity for want in wants})
        if undecided := [want for want in wants if self._settled(want) is None]:
            self._look(undecided)
        decisions = [self._decision(want) for want in wants]
        for storm in self._storms.values():
            others = [make_conf(other, {})["alert"] for other in storm.others]
            self._runs.name_others(storm.route.dag_id, storm.run_id, others, self._now, MAX_OTHERS)
        self._ledger.write()
        return decisions

    def _wants(self, received: Received) -> Iterable[_Want]:
        alert = replace(received.alert, starts_at=received.alert.starts_at or self._now.isoformat())
        starts_at = alert.starts_at
        routes = [] if received.problem else self._routes.matching(alert)
        if not routes:
            identity = Identity("", alert.fingerprint, starts_at)
            yield _Want(alert, identity, alert.fingerprint, problem=received.problem)
        for route in routes:
            key = cooldown_key(alert, route.deduplicate_by)
            on_way = replace(alert, route=route.name)
            identity = Identity(route.name, alert.fingerprint, starts_at)
            yield _Want(on_way, identity, key, route, remark=received.remark)

    def _left_out(self, post: Post) -> list[_Want]:
        if not post.left_out:
            return []
        alert = Alert("", "", "left_out", "left-out", self._now.isoformat(), group_key=post.group_key)
        source = post.received[0].alert.source if post.received else ""
        text = f"{post.left_out} alerts of the group {post.group_key[:300]} were not sent (truncatedAlerts): see the "
        text += "sender's max_alerts"
        alert = replace(alert, source=source)
        return [_Want(alert, Identity("", alert.fingerprint, alert.starts_at), alert.fingerprint, problem=text)]

    def _look(self, undecided: list[_Want]) -> None:
        """Wait for the routes' locks, then read what can have changed meanwhile and what decisions depend on."""
        self._ledger.lock({want.identity.route for want in undecided})
        self._known |= self._ledger.known({want.identity for want in undecided})
        self._last = self._ledger.last_runs({(want.route.name, want.key) for want in undecided if want.route})
        self._off = self._ledger.switched_off()

    def _settled(self, want: _Want) -> Entry | None:
        """What was decided before, if that still holds whatever else has changed."""
        wanted = ENDED if want.alert.status == "resolved" else FINAL
        return next((entry for entry in self._known.get(want.identity, []) if entry.verdict in wanted), None)

    def _decision(self, want: _Want) -> Decision:
        if (settled := self._settled(want)) is not None:
            self._ledger.repeat(settled)
            return Decision(want.alert, settled, repeated=True)
        entry = self._new(want)
        same = [old for old in self._known.get(want.identity, []) if old.verdict == entry.verdict]
        if same:
            self._ledger.repeat(same[0])
            return Decision(want.alert, replace(entry, id=same[0].id), repeated=True)
        self._ledger.add(entry, self._public(want), sender=self._sender.name, cooldown_key=want.key)
        self._known.setdefault(want.identity, []).append(entry)
        return Decision(want.alert, entry, repeated=False)

    def _public(self, want: _Want) -> Alert:
        """The alert as it is stored and handed on; made once for each."""
        if want.identity not in self._shown:
            self._shown[want.identity] = without_secrets(want.alert)
        return self._shown[want.identity]

    def _new(self, want: _Want) -> Entry:
        if want.problem:
            verdict = Verdict.LEFT_OUT if want.alert.status == "left_out" else Verdict.UNREADABLE
            return Entry(want.identity, verdict, want.problem)
        if want.route is None:
            return Entry(want.identity, Verdict.UNMATCHED, "no route matches these labels")
        if not self._sender.may_start(want.route.name):
            reason = f"{self._sender.name} may not use route {want.route.name}"
            return Entry(want.identity, Verdict.FORBIDDEN, reason, want.route.dag_id)
        return self._acted(want, want.route)

    def _acted(self, want: _Want, route: Route) -> Entry:
        try:
            if want.alert.status == "resolved":
                return self._resolved(want, route)
            return self._suppressed(want, route) or self._run(want, route)
        except TargetError as err:
            return Entry(want.identity, Verdict.NO_TARGET, str(err), route.dag_id)
        except RefusedError as err:
            return Entry(want.identity, Verdict.REFUSED, str(err), route.dag_id)
        except SQLAlchemyError:
            raise  # the whole post is tried again by its sender
        except Exception as err:  # one alert must not lose the others
            log.exception("What route %s does with alert %s failed", route.name, want.identity)
            reason = f"{type(err).__name__}, see the API server's log"
            return Entry(want.identity, Verdict.REFUSED, reason, route.dag_id)

    def _suppressed(self, want: _Want, route: Route) -> Entry | None:
        for name, what in (("", "all routes are"), (route.name, f"route {route.name} is")):
            if name in self._off:
                return Entry(want.identity, Verdict.OFF, f"{what} switched off, by {self._off[name]}", route.dag_id)
        if want.alert.status == SILENCED:
            return Entry(want.identity, Verdict.SILENCED, "its sender says that it is silenced", route.dag_id)
        return None if self._insists else self._cooling(want, route)

    def _cooling(self, want: _Want, route: Route) -> Entry | None:
        if (last := self._last.get((route.name, want.key))) is None:
            return None
        age = self._now - last.at
        has_start = want.alert.source != JOBS and want.alert.starts_at != NO_START
        had_begun = has_start and datetime.fromisoformat(want.alert.starts_at) <= last.at
        if had_begun and age <= max(route.cooldown, _COVERS):
            reason = "it had begun before the last run for the same thing was made"
            return Entry(want.identity, Verdict.COVERED, reason, last.dag_id, last.run_id)
        if age < route.cooldown:
            reason = f"the last run for the same thing was made {_words(age)} before; the route's "
            reason += f"cooldown is {_words(route.cooldown)}"
            return Entry(want.identity, Verdict.COOLDOWN, reason, last.dag_id, last.run_id)
        return None

    def _run(self, want: _Want, route: Route) -> Entry:
        self._runs.check(route.dag_id)
        if self._budget_is_spent(route):
            return self._stormy(want, route)
        return self._made(want, route)

    def _budget_is_spent(self, route: Route) -> bool:
        if route.name not in self._spent:
            begin = window_of(self._now, route.storm.per)
            self._spent[route.name] = self._ledger.runs_since(route.name, begin)
        return self._spent[route.name] >= route.storm.runs

    def _made(self, want: _Want, route: Route) -> Entry:
        name = run_id(route.name, want.alert, datetime.fromisoformat(want.alert.starts_at))
        shown = self._public(want)
        conf = make_conf(shown, route.target_of(shown))
        is_new = self._runs.make(RunRequest(route.dag_id, name, conf, self._now, self._sender.name))
        self._spent[route.name] += is_new
        self._last[route.name, want.key] = LastRun(self._now, route.dag_id, name)
        reason = f"route {route.name}" if is_new else "the run was there already"
        if want.remark:
            reason += f"; {want.remark}"
        return Entry(want.identity, Verdict.RUN, reason, route.dag_id, name)

    def _stormy(self, want: _Want, route: Route) -> Entry:
        name = storm_run_id(route.name, window_of(self._now, route.storm.per))
        if (storm := self._storms.get(name)) is None:
            shown = self._public(want)
            conf = make_conf(shown, route.target_of(shown))
            after = self._now + route.storm.gather
            is_new = self._runs.make(RunRequest(route.dag_id, name, conf, after, self._sender.name))
            waits = is_new or self._runs.waits(route.dag_id, name, self._now)
            storm = self._storms[name] = _Storm(route, name, waits)
            if is_new:
                return self._named(want, storm)
        storm.others.append(self._public(want))
        return self._named(want, storm)

    def _named(self, want: _Want, storm: _Storm) -> Entry:
        route, name = storm.route, storm.run_id
        reason = f"the budget of route {route.name}, {route.storm.runs} runs in {_words(route.storm.per)}, is spent"
        if not storm.waits:
            reason += "; the storm's run had begun before and does not name it"
        return Entry(want.identity, Verdict.STORM, reason, route.dag_id, name)

    def _resolved(self, want: _Want, route: Route) -> Entry:
        made = self._made_for(want)
        if made is None or made.dag_id is None or made.run_id is None:
            return Entry(want.identity, Verdict.RESOLVED, "no run of its own was made for it", route.dag_id)
        by, ends_at = self._sender.name, want.alert.ends_at or "now"
        verdict, reason = Verdict.RESOLVED, "the route does nothing then"
        if route.on_resolved == "cancel":
            reason = "its run had ended before"
            if self._runs.cancel(made.dag_id, made.run_id, by):
                verdict, reason = Verdict.CANCELLED, "its run was ended"
        elif route.on_resolved == "note":
            reason = "its run is not there any more"
            if self._runs.note(made.dag_id, made.run_id, f"The alert ended ({ends_at})."):
                verdict, reason = Verdict.NOTED, "its run got a note"
        return Entry(want.identity, verdict, reason, made.dag_id, made.run_id)

    def _made_for(self, want: _Want) -> Entry | None:
        """The run of an alert that is over: its own, else the newest of its fingerprint that began before its end.

        Why: a pair of Prometheis gives one alert two starts, and senders whose notices carry only the moment of a
        change say another one when it ends.
        """
        own = next((old for old in self._known.get(want.identity, []) if old.verdict == Verdict.RUN), None)
        if own is not None:
            return own
        before = want.alert.ends_at or self._now.isoformat()
        return self._ledger.newest_open_run(want.identity.route, want.identity.fingerprint, before)


def _words(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
