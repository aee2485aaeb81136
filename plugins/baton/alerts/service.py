"""The receiver behind its addresses: files, threads, transactions, tidying up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from baton.airflow_internals.dag_runs import Runs
from baton.airflow_internals.database import transaction
from baton.alerts import refusals
from baton.alerts.credentials import Credential, oddities
from baton.alerts.decisions import Decider, Decision
from baton.alerts.ledger import Ledger
from baton.alerts.metrics import Condition, Metrics
from baton.alerts.payloads import Post
from baton.alerts.reloaded_files import ReloadedSenders, watch_credentials, watch_routes
from baton.alerts.routes import Routes, RoutesError, read_routes
from baton.alerts.settings import Settings
from baton.alerts.verdicts import Verdict

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)
_LOCK_MILLISECONDS = 4000
"""A post waits so long for another one that decides on the same route; then its sender tries again."""
_TIDY_SECONDS = 3600
_ALERTS_AT_ONCE = 500
"""In one transaction."""
T = TypeVar("T")


class UnavailableError(Exception):
    """Nothing can be decided now: the sender has to try again. The message is for its log."""


class Service:
    """One receiver in one API server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.credentials = watch_credentials(settings.credentials)
        self.senders = ReloadedSenders(settings.senders)
        self._routes = watch_routes(settings.routes, self.senders.endpoints)
        self.metrics = Metrics()
        self._kept: str | None = None
        self._tidied = time.monotonic()
        self._lock = threading.Lock()

    def receive(self, post: Post, sender: Credential, *, insists: bool = False) -> list[Decision]:
        """Decide on a post. What was decided is stored when this returns.

        :param insists: no cooldown holds a run back.
        :raises UnavailableError: the database does not answer, or there are no routes yet.
        """
        routes = self.routes()
        received = post.received
        decisions: list[Decision] = []
        for at in range(0, max(len(received), 1), _ALERTS_AT_ONCE):
            left_out = post.left_out if at == 0 else 0
            part = Post(received[at : at + _ALERTS_AT_ONCE], left_out, post.group_key)
            decisions += self._transaction(lambda session, part=part: _decide(session, routes, sender, part, insists))  # type: ignore[misc]
        _tell(decisions, sender)
        for decision in decisions:
            self.metrics.decided(decision.entry.identity.route, str(decision.entry.verdict))
        self._tidy()
        return decisions

    def routes(self) -> Routes:
        """The routes of the file or, where it is broken, the last good ones: of this process, else of the database.

        :raises UnavailableError: there never were any.
        """
        found = self._routes.current()
        with self._lock:
            if found is not None and found.text != self._kept:
                self._transaction(lambda session: Ledger(session, _now()).keep_routes(found.text))
                self._kept = found.text
        return found or self._last_good()

    def _last_good(self) -> Routes:
        stored = self._transaction(lambda session: Ledger(session, _now()).last_good_routes())
        try:
            if stored is not None:
                self._routes.value = read_routes(stored, self.senders.endpoints())
                self._kept = stored
                return self._routes.value
        except RoutesError as err:
            log.error("The last good routes cannot be read any more: %s", err)
        raise UnavailableError(f"there are no routes: {self._routes.problem}")

    @property
    def is_routed(self) -> bool:
        """Whether the installation names a file of routes."""
        return self._routes.path is not None

    @property
    def routes_problem(self) -> str:
        """What is wrong with the file of routes now, else empty."""
        self._routes.current()
        return self._routes.problem

    @property
    def credentials_problem(self) -> str:
        """What is wrong with the file of credentials now, or with the names in it, else empty."""
        senders = self.credentials.current()
        if problem := self.credentials.problem:
            return problem
        routes = self._routes.current()
        names = [route.name for route in routes.routes] if routes else None
        return oddities(senders or (), self.senders.endpoints(), names)

    def condition(self) -> Condition:
        """How files, switches and targets are, for a scrape.

        :raises UnavailableError: the database does not answer.
        """
        self.credentials.current()
        routes = self._routes.current()

        def read(session: Session) -> Condition:
            now, runs = _now(), Runs(session)
            found = routes.routes if routes else ()
            return Condition(
                files={
                    "routes": not self._routes.problem,
                    "credentials": not self.credentials.problem,
                    "senders": not self.senders.problem,
                },
                off=sorted(Ledger(session, now).switched_off()),
                targets={(route.name, route.dag_id): runs.is_runnable(route.dag_id) for route in found},
                refused={
                    (row["sender"], row["endpoint"], str(row["status"])): row["times"]
                    for row in refusals.since(session, now - timedelta(days=self._settings.retention_days))
                },
            )

        return self._transaction(read)

    def count_refused(self, counts: dict[refusals.Key, refusals.Count]) -> None:
        """Store posts that were refused.

        :raises UnavailableError: the database does not answer.
        """
        self._transaction(lambda session: refusals.store(session, counts))

    def _tidy(self) -> None:
        """Remove old decisions, once an hour, a limited number of them."""
        if time.monotonic() - self._tidied < _TIDY_SECONDS:
            return
        self._tidied = time.monotonic()
        now = _now()
        before = now - timedelta(days=self._settings.retention_days)
        try:
            self._transaction(lambda session: Ledger(session, now).forget(before))
            self._transaction(lambda session: refusals.forget(session, before))
        except UnavailableError:
            log.warning("Old decisions could not be removed; it is tried again in an hour")

    def _transaction(self, work: Callable[[Session], T]) -> T:
        with _transaction() as session:
            return work(session)


@contextmanager
def _transaction() -> Iterator[Session]:
    """A transaction that waits for locks only so long.

    :raises UnavailableError: the database says no.
    """
    try:
        with transaction() as session:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_MILLISECONDS}ms'"))
            yield session
    except SQLAlchemyError as err:
        log.warning("Airflow's database refuses the alert receiver: %s", str(err).splitlines()[0][:300])
        raise UnavailableError("Airflow's database does not answer the receiver: see the API server's log") from err


def _decide(session: Session, routes: Routes, sender: Credential, post: Post, insists: bool) -> list[Decision]:
    now = _now()
    return Decider(Ledger(session, now), Runs(session), routes, sender, now, insists=insists).decide(post)


def _tell(decisions: list[Decision], sender: Credential) -> None:
    """The log names runs and what needs a person; the table has the rest."""
    for decision in decisions:
        entry = decision.entry
        if decision.repeated:
            continue
        if entry.verdict == Verdict.RUN:
            log.info("Alert %s of %s: run %s", entry.identity.fingerprint, sender.name, entry.run_id)
        elif entry.verdict in (Verdict.NO_TARGET, Verdict.REFUSED, Verdict.FORBIDDEN):
            log.warning("Alert %s of %s: no run, %s", entry.identity.fingerprint, sender.name, entry.reason)


def _now() -> datetime:
    return datetime.now(UTC)
