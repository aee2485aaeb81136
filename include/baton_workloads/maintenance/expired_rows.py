"""Delete rows of the shop that have expired: sessions, archived job executions.

In batches, each a short transaction that steps aside for rows which somebody else has locked; never more than the run's
limit; never a row whose JSON carries the key ``protected``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from baton_workloads.environment import required
from baton_workloads.errors import TransientError
from baton_workloads.etl.database import connect
from baton_workloads.idempotent.stopping import asked_to_stop
from baton_workloads.maintenance.allowance import Allowance, allowance
from baton_workloads.maintenance.work import Clock
from baton_workloads.progress import Progress, say

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

COUNTED = 1_000_000  # counting goes no further: it is for people

# Worded so that the planner expects few protected rows, and reads batches off the column's index instead of sorting.
UNPROTECTED = "NOT ({label} ? 'protected' AND coalesce({label} -> 'protected', 'true') NOT IN ('false', 'null'))"
# An array of ids, because a join makes the planner read the whole table for each batch.
DELETE = """
DELETE FROM {table}
 WHERE id = ANY (ARRAY (SELECT id FROM {table} WHERE {expired} AND {unprotected}
                         ORDER BY {column} LIMIT %(many)s FOR UPDATE SKIP LOCKED))
"""
COUNT = "SELECT count(*) FROM (SELECT FROM {table} WHERE {expired} AND {condition} LIMIT %(many)s) found"


@dataclass(frozen=True)
class Expiry:
    """What expires in one table.

    :param job: name in the ledger.
    :param column: the time from which on a row ages.
    :param label: the JSON column whose key ``protected`` keeps a row.
    :param also: a further condition.
    """

    job: str
    table: LiteralString
    column: LiteralString
    label: LiteralString
    also: LiteralString = "true"

    def text(self, query: LiteralString, condition: LiteralString = "true") -> "sql.Composed":
        """Fill a query in; all parts are this module's own."""
        from psycopg import sql

        expired = f"{self.column} < now() - make_interval(days => %(days)s) AND {self.also}"
        parts = {
            "table": self.table,
            "column": self.column,
            "expired": expired,
            "unprotected": UNPROTECTED.replace("{label}", self.label),
            "condition": condition.replace("{label}", self.label),
        }
        return sql.SQL(query).format(**{name: sql.SQL(part) for name, part in parts.items()})


SESSIONS = Expiry("maintenance delete-sessions", "public.sessions", "expires_at", "data")
EXECUTIONS = Expiry(
    "maintenance delete-job-executions", "public.job_executions", "archived_at", "parameters",
    also="archived_at IS NOT NULL AND status NOT IN ('queued', 'running')",
)  # fmt: skip


@dataclass(frozen=True)
class Order:
    """What one run is asked to do.

    :param run: name of the run, the same at each of its tries.
    :param days: rows are kept for so long after they expired or were archived.
    :param limit: rows that the run may delete, over all of its tries.
    :param batch: rows of one transaction.
    """

    run: str
    days: int
    limit: int
    batch: int = 1000


def delete(expiry: Expiry, order: Order, *, dry_run: bool = False) -> dict[str, Any]:
    """Delete what has expired.

    :returns: job, outcome (``done``, ``limit_reached``, ``dry_run``), run, attempt, deleted (by this try),
        deleted_by_run, limit, left (expired and not deleted), protected, seconds.
    :raises TransientError: the pod is being stopped; what is deleted is counted, the next try goes on.
    """
    clock = Clock(0)
    with shop() as connection:
        if dry_run:
            left = _count(connection, expiry, order, UNPROTECTED)
            result = {"outcome": "dry_run", "would_delete": min(left, order.limit)}
            say(f"{expiry.table}: {left} rows have expired, {result['would_delete']} would be deleted")
        else:
            result = _work(expiry, order, allowance(connection, expiry.job, order.run, order.limit))
        return {
            "job": expiry.job,
            **result,
            "run": order.run,
            "limit": order.limit,
            "left": _count(connection, expiry, order, UNPROTECTED),
            "protected": _count(connection, expiry, order, f"NOT ({UNPROTECTED})"),
            "seconds": clock.seconds,
        }


@contextmanager
def shop() -> "Iterator[psycopg.Connection[Any]]":
    """Open an autocommit connection to the shop as the role that writes its rows."""
    with connect(required("BATON_SHOP_WORKER_DSN"), "shop") as connection:
        connection.autocommit = True
        connection.execute("SET SESSION client_connection_check_interval = '1s'; SET SESSION lock_timeout = '30s'")
        yield connection


def _work(expiry: Expiry, order: Order, allowed: Allowance) -> dict[str, Any]:
    if allowed.attempt > 1:
        say(f"{expiry.table}: try {allowed.attempt} of this run, which has deleted {allowed.spent()} rows so far")
    with asked_to_stop() as asked:
        deleted = _in_batches(expiry, order, allowed, asked)
    spent = allowed.spent()
    allowed.end()
    outcome = "limit_reached" if spent >= order.limit else "done"
    return {"outcome": outcome, "attempt": allowed.attempt, "deleted": deleted, "deleted_by_run": spent}


def _in_batches(expiry: Expiry, order: Order, allowed: Allowance, asked: Callable[[], bool]) -> int:
    """Delete until nothing is left or the run's limit is reached; gives how many."""
    statement, deleted = expiry.text(DELETE), 0
    progress = Progress(expiry.table)
    while not asked():
        with allowed.batch(order.batch) as batch:
            if batch.may:
                values = {"days": order.days, "many": batch.may}
                batch.took = allowed.connection.execute(statement, values).rowcount
        deleted += batch.took
        progress.add(batch.took)
        if batch.took < order.batch:
            return deleted
    raise TransientError(f"{expiry.job}: stopped by SIGTERM after {deleted} rows; the next try goes on")


def _count(connection: "psycopg.Connection[Any]", expiry: Expiry, order: Order, condition: LiteralString) -> int:
    values = {"days": order.days, "many": COUNTED}
    row = connection.execute(expiry.text(COUNT, condition), values).fetchone()
    return int(row[0]) if row else 0
