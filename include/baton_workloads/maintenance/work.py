"""Work on one object after the other: within a time, each failure kept for the end, a report before and after."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import TransientError, WorkloadError
from baton_workloads.etl.database import connect, translate

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Limits:
    """What one run may take.

    :param lock_seconds: waiting for a lock.
    :param statement_seconds: one statement; 0 for ever.
    :param max_seconds: after which no further object is begun; 0 for ever.
    """

    lock_seconds: float = 10
    statement_seconds: float = 3600
    max_seconds: float = 0

    def set_on(self, connection: "psycopg.Connection[Any]") -> None:
        """Tell the server."""
        for name, seconds in (("lock_timeout", self.lock_seconds), ("statement_timeout", self.statement_seconds)):
            connection.execute("SELECT set_config(%s, %s, false)", (name, f"{int(seconds * 1000)}ms"))

    def said_of_a_cancelled(self, seconds: float) -> str:
        """Say who cancelled a statement that took so long."""
        if 0 < self.statement_seconds <= seconds:
            return "it took longer than --statement-seconds; run again or allow more"
        return "somebody cancelled it (pg_cancel_backend); run again"


@dataclass
class Clock:
    """How long a run may still go on."""

    max_seconds: float
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return round(time.monotonic() - self.started, 3)

    @property
    def is_over(self) -> bool:
        """Whether nothing further is to be begun."""
        return 0 < self.max_seconds <= self.seconds


SEES_OTHERS = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), quote_ident(current_user)"


def who_sees_nobody(connection: "psycopg.Connection[Any]") -> str | None:
    """Give this role's name where other sessions' transactions are hidden from it, else None."""
    row = connection.execute(SEES_OTHERS).fetchone()
    return str(row[1]) if row and not row[0] else None


@contextmanager
def session(dsn: str, limits: Limits) -> "Iterator[psycopg.Connection[Any]]":
    """Open an autocommit connection to the database that is maintained, with the run's limits."""
    with connect(dsn, "maintained") as connection:
        connection.autocommit = True
        limits.set_on(connection)
        # A killed pod's statement ends with it instead of going on for nobody.
        connection.execute("SET SESSION client_connection_check_interval = '1s'")
        yield connection


@dataclass
class Failures:
    """What went wrong on single objects while the others were done."""

    said: list[str] = field(default_factory=list)
    errors: list[WorkloadError] = field(default_factory=list)

    def add(self, message: str, error: WorkloadError) -> str:
        """Keep a failure; returns its message."""
        self.said.append(message)
        self.errors.append(error)
        return message

    def raise_at_the_end(self, what: str) -> None:
        """Fail when anything failed: transient when a later run may do it.

        :raises WorkloadError: the messages of all failures in one line.
        """
        if not self.errors:
            return
        permanent = [error for error in self.errors if not isinstance(error, TransientError)]
        kind = type(permanent[0]) if permanent else TransientError
        raise kind(f"{what}: {len(self.said)} failed, the others are done: {' | '.join(self.said)}")


def is_lock_timeout(err: "psycopg.Error") -> bool:
    """Whether a statement gave up waiting for a lock."""
    return err.sqlstate == "55P03"


def is_cancelled(err: "psycopg.Error") -> bool:
    """Whether a statement was cancelled: by its own limit, or by somebody; the server has one code for both."""
    return err.sqlstate == "57014"


def translated(err: "psycopg.Error") -> WorkloadError:
    """Give our error for the driver's."""
    return translate(err, "maintained")
