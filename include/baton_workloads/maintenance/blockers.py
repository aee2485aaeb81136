"""Who holds up work on a table: process, application, since when; never what it runs, which may quote data."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

# Modes that conflict with SHARE UPDATE EXCLUSIVE, which VACUUM, ANALYZE and REINDEX CONCURRENTLY take.
LOCKS = """
SELECT DISTINCT a.pid, coalesce(nullif(a.application_name, ''), a.backend_type, 'unknown'),
       coalesce(a.xact_start, a.backend_start), coalesce(a.state, 'unknown')
  FROM pg_locks l
  JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.granted AND l.locktype = 'relation' AND l.pid <> pg_backend_pid()
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (l.relation = %(table)s
        OR l.relation IN (SELECT indexrelid FROM pg_index WHERE indrelid = %(table)s)
        OR l.relation = (SELECT reltoastrelid FROM pg_class WHERE oid = %(table)s))
   AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                  'AccessExclusiveLock')
 ORDER BY 3, 1
"""
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
class Blocker:
    """A session in the way.

    :param since: when its transaction began.
    """

    pid: int
    application: str
    since: datetime
    state: str

    def __str__(self) -> str:
        """For a message."""
        return f"pid {self.pid} ({self.application}, {self.state}) since {self.since:%Y-%m-%d %H:%M:%S} UTC"


def lock_holders(connection: "psycopg.Connection[Any]", table: int) -> list[Blocker]:
    """List who has locked a table, its indexes or its TOAST table against maintenance, oldest first."""
    return [Blocker(*row) for row in connection.execute(LOCKS, {"table": table})]


def old_transactions(connection: "psycopg.Connection[Any]", table: int, seconds: float) -> list[Blocker]:
    """List the transactions older than so many seconds that a concurrent reindex of the table would wait for."""
    return [Blocker(*row) for row in connection.execute(OLD, {"table": table, "seconds": seconds})]


def names(blockers: Iterable[Blocker]) -> str:
    """Name them in a message."""
    return "; ".join(map(str, blockers)) or "a session that has ended since"
