"""Who holds up work on a table: process, application, since when; never what it runs, which may quote data.

A prepared transaction is nobody's session: it has no process, holds its locks until somebody ends it by its name, and
stands in no list of sessions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

OF_TABLE = """
       l.granted AND l.locktype = 'relation'
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (l.relation = %(table)s
        OR l.relation IN (SELECT indexrelid FROM pg_index WHERE indrelid = %(table)s)
        OR l.relation = (SELECT reltoastrelid FROM pg_class WHERE oid = %(table)s))"""
# pg_locks shows a prepared transaction's locks without a process; one of them is on its own number.
PREPARED = f"""
SELECT DISTINCT p.gid, p.owner::text, p.prepared
  FROM pg_locks l
  JOIN pg_locks o ON o.locktype = 'transactionid' AND o.pid IS NULL AND o.virtualtransaction = l.virtualtransaction
  JOIN pg_prepared_xacts p ON p.transaction = o.transactionid
 WHERE l.pid IS NULL AND {OF_TABLE}"""  # noqa: S608
# Modes that conflict with SHARE UPDATE EXCLUSIVE, which VACUUM, ANALYZE and REINDEX CONCURRENTLY take.
CONFLICTING = """
   AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                  'AccessExclusiveLock')"""
LOCKS = f"""
SELECT DISTINCT a.pid, coalesce(nullif(a.application_name, ''), a.backend_type, 'unknown'),
       coalesce(a.xact_start, a.backend_start), coalesce(a.state, 'unknown')
  FROM pg_locks l
  JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.pid <> pg_backend_pid() AND {OF_TABLE} {CONFLICTING}
 ORDER BY 3, 1
"""  # noqa: S608
# REINDEX CONCURRENTLY waits for the end of every transaction that changed the table or that may still look at it.
OLD = """
SELECT DISTINCT a.pid, coalesce(nullif(a.application_name, ''), a.backend_type, 'unknown'), a.xact_start,
       coalesce(a.state, 'unknown')
  FROM pg_stat_activity a
 WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND a.backend_type <> 'autovacuum worker'
   AND a.xact_start < clock_timestamp() - make_interval(secs => %(seconds)s)
   AND (a.backend_xmin IS NOT NULL
        OR EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.relation = %(table)s AND l.granted))
 ORDER BY 3, 1
"""


@dataclass(frozen=True)
class Session:
    """A session in the way.

    :param since: when its transaction began; None where it has none.
    """

    pid: int
    application: str
    since: datetime | None
    state: str

    def __str__(self) -> str:
        """For a message."""
        return f"pid {self.pid} ({self.application}, {self.state}){_since(self.since)}"


@dataclass(frozen=True)
class Prepared:
    """A prepared transaction in the way."""

    gid: str
    owner: str
    since: datetime

    def __str__(self) -> str:
        """For a message, with the statement that ends it."""
        name = self.gid.replace("'", "''")
        return f"a prepared transaction of {self.owner}{_since(self.since)} (COMMIT or ROLLBACK PREPARED '{name}')"


@dataclass(frozen=True)
class Slot:
    """A replication slot whose reader may still need old rows."""

    name: str
    active: bool

    def __str__(self) -> str:
        """For a message."""
        use = "in use" if self.active else "unused"
        return f"replication slot {self.name} ({use}; a standby with hot_standby_feedback, or pg_drop_replication_slot)"


Blocker = Session | Prepared | Slot


def _since(moment: datetime | None) -> str:
    return f" since {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def lock_holders(connection: "psycopg.Connection[Any]", table: int) -> list[Blocker]:
    """List who has locked a table, its indexes or its TOAST table against maintenance, oldest first."""
    found: list[Blocker] = [Session(*row) for row in connection.execute(LOCKS.encode(), {"table": table})]
    return found + _prepared(connection, table, CONFLICTING)


def in_the_way_of_reindex(connection: "psycopg.Connection[Any]", table: int, seconds: float) -> list[Blocker]:
    """List whom a concurrent reindex of the table would wait for: transactions that are older than so many seconds,
    and prepared ones, which do not end by themselves.
    """
    found: list[Blocker] = [Session(*row) for row in connection.execute(OLD, {"table": table, "seconds": seconds})]
    return found + _prepared(connection, table)


def _prepared(connection: "psycopg.Connection[Any]", table: int, modes: str = "") -> list[Blocker]:
    query = f"{PREPARED} {modes} ORDER BY 3, 1"
    return [Prepared(*row) for row in connection.execute(query.encode(), {"table": table})]


def names(blockers: Iterable[Blocker]) -> str:
    """Name them in a message."""
    return "; ".join(map(str, blockers)) or "a session that has ended since"
