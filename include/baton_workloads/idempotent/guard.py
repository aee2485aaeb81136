"""The guard at a job's door: already done in this window, another one is processing, or mine: go on.

Why an advisory lock and no lease: it ends with its holder's connection, so whoever comes after a kill goes on at once
instead of waiting for a lease to run out, and no heartbeat has to be kept up. The job works on the very connection that
holds the lock: who has lost the lock can no longer commit anything.
Source: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from baton_workloads.errors import TransientError
from baton_workloads.etl.database import connect
from baton_workloads.idempotent.ledger import prepare
from baton_workloads.idempotent.moment import Moment, moment
from baton_workloads.progress import say

if TYPE_CHECKING:
    import psycopg

Verdict = Literal["acquired", "already_done", "busy"]

# A killed holder's lock is free when the server notices: at once if its process ended, after seconds if its node did.
SESSION = (
    "SET SESSION client_connection_check_interval = '1s'; SET SESSION tcp_keepalives_idle = 10;"
    "SET SESSION tcp_keepalives_interval = 5; SET SESSION tcp_keepalives_count = 3;"
    # A claim that a crash of the server could lose would be made, and acted on, a second time.
    "SET SESSION synchronous_commit = on"
)
PATIENCE = "2s"  # for the lock of a holder that is just ending
KEPT = "90 days"  # rows of windows

LOCK = "SELECT pg_advisory_lock(hashtextextended(%s, 0))"
FIND = "SELECT state, holder, started_at, result FROM baton.job_windows WHERE job = %s AND window_key = %s"
HOLDER = """
SELECT holder, window_key, started_at FROM baton.job_windows
 WHERE job = %s AND state = 'processing' ORDER BY started_at DESC LIMIT 1
"""
BEGIN = """
INSERT INTO baton.job_windows (job, window_key, state, holder) VALUES (%s, %s, 'processing', %s)
ON CONFLICT (job, window_key) DO UPDATE
   SET state = 'processing', holder = EXCLUDED.holder, attempts = baton.job_windows.attempts + 1,
       started_at = clock_timestamp(), finished_at = NULL, result = NULL
"""
END = """
UPDATE baton.job_windows SET state = 'done', finished_at = clock_timestamp(), result = %s
 WHERE job = %s AND window_key = %s AND state = 'processing'
"""
FORGET = (
    "DELETE FROM baton.job_windows WHERE job = %s AND state = 'done' AND finished_at < clock_timestamp() - %s::interval"
)


@dataclass
class GuardedRun:
    """One start of a job, and what the guard says to it.

    :param verdict: ``acquired``: go on; else leave with ``report()``, which is a success.
    :param connection: in autocommit; its session holds the job's lock. Work on it, in ``connection.transaction()``.
    :param details: what the ledger knows of the one that was before, or is at work.
    """

    job: str
    window: str
    moment: Moment
    connection: "psycopg.Connection[Any]"
    verdict: Verdict
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def acquired(self) -> bool:
        """Whether to go on."""
        return self.verdict == "acquired"

    def done(self, **result: Any) -> None:
        """Record that the window's work is done; inside the work's transaction, both commit or neither does.

        :param result: counts and names for the ledger and for ``report()``; no personal data.
        :raises TransientError: the window is no longer this run's.
        """
        from psycopg.types.json import Jsonb

        if self.connection.execute(END, (Jsonb(result), self.job, self.window)).rowcount != 1:
            raise TransientError(f"job {self.job}, window {self.window}: somebody removed its row; run it again")
        self.details = {"outcome": "done", **result}

    def report(self) -> dict[str, Any]:
        """Give the job's result: its name, window, outcome (``done``, ``already_done``, ``busy``) and counts."""
        outcome = "unfinished" if self.acquired else self.verdict
        return {"job": self.job, "window": self.window, "outcome": outcome, **self.details}


@contextmanager
def guard(
    dsn: str, job: str, *, every: timedelta, zone: str = "UTC", as_of: str | None = None, again: bool = False
) -> Iterator[GuardedRun]:
    """Ask whether this start of a job is the one that works.

    A run that ends without ``done()`` (an error, a kill) leaves its window open: the next start takes it over.

    :param job: name of the job; one run of a name goes on at a time, whatever its window.
    :param every: length of a window; see :meth:`Moment.window`.
    :param again: go on also when the window is done.
    """
    with connect(dsn, "job's") as connection:
        connection.autocommit = True
        connection.execute(SESSION)
        prepare(connection)
        now = moment(connection, zone, as_of)
        run = GuardedRun(job, now.window(every), now, connection, "busy")
        if _locked(connection, job):
            _begin(run, again)
        else:
            run.details = _at_work(connection, job)
        say(f"{job}, window {run.window}: {run.verdict.replace('_', ' ')}")
        yield run


def _locked(connection: "psycopg.Connection[Any]", job: str) -> bool:
    import psycopg

    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'".encode())
            connection.execute(LOCK, (f"baton job {job}",))
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _begin(run: GuardedRun, again: bool) -> None:
    found = run.connection.execute(FIND, (run.job, run.window)).fetchone()
    state, holder, started_at, result = found or (None, None, None, None)
    if state == "done" and not again:
        run.verdict, run.details = "already_done", {"earlier": result}
        return
    if state == "processing":
        say(f"{run.job}: {holder} began this window at {started_at:%H:%M:%S} UTC and did not end; taking it over")
    with run.connection.transaction():
        run.connection.execute(BEGIN, (run.job, run.window, f"{socket.gethostname()}/{os.getpid()}"))
        run.connection.execute(FORGET, (run.job, KEPT))
    run.verdict = "acquired"


def _at_work(connection: "psycopg.Connection[Any]", job: str) -> dict[str, Any]:
    """Who is processing; nothing where it has not yet said so, or ended just now."""
    found = connection.execute(HOLDER, (job,)).fetchone()
    if found is None:
        return {}
    return {"holder": found[0], "holder_window": found[1], "since": found[2].isoformat(timespec="seconds")}
