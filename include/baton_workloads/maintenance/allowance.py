"""How much one run may delete, over all of its tries: a row of the ledger, changed in the transaction that deletes.

Why the ledger's row and not a counter in this process: a run that is killed is tried again, and would begin to count
anew. Its row is locked while a batch is deleted, so two tries of one run never count side by side either.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baton_workloads.idempotent.ledger import prepare

if TYPE_CHECKING:
    import psycopg

KEPT = "90 days"  # rows of runs

OPEN = """
INSERT INTO baton.job_windows (job, window_key, state, holder, result)
VALUES (%(job)s, %(run)s, 'processing', %(holder)s, '{"deleted": 0}')
ON CONFLICT (job, window_key) DO UPDATE
   SET state = 'processing', holder = EXCLUDED.holder, attempts = baton.job_windows.attempts + 1, finished_at = NULL
RETURNING attempts
"""
LOCK = "SELECT (result ->> 'deleted')::bigint FROM baton.job_windows WHERE job = %s AND window_key = %s FOR UPDATE"
SPEND = """
UPDATE baton.job_windows
   SET result = jsonb_build_object('deleted', (result ->> 'deleted')::bigint + %s)
 WHERE job = %s AND window_key = %s
"""
END = """
UPDATE baton.job_windows SET state = 'done', finished_at = clock_timestamp() WHERE job = %s AND window_key = %s
"""
FORGET = "DELETE FROM baton.job_windows WHERE job = %s AND started_at < clock_timestamp() - %s::interval"


@dataclass
class Allowance:
    """What one run of one clean-up may still delete.

    :param connection: in autocommit; deletes that count are made on it, inside :meth:`batch`.
    :param run: name of the run, the same at each of its tries.
    :param limit: things that the run may delete in all.
    :param attempt: the how-manieth try this is.
    """

    connection: "psycopg.Connection[Any]"
    job: str
    run: str
    limit: int
    attempt: int = 1

    @contextmanager
    def batch(self, size: int) -> Iterator["Batch"]:
        """Begin a transaction in which at most so many things may be deleted; :attr:`Batch.may` is 0 at the limit.

        What the block counts in :attr:`Batch.took` is recorded with it, or neither is.
        """
        with self.connection.transaction():
            batch = Batch(max(0, min(size, self.limit - self.spent(lock=True))))
            yield batch
            if batch.took:
                self.connection.execute(SPEND, (batch.took, self.job, self.run))

    def spent(self, *, lock: bool = False) -> int:
        """Count what all tries of this run have deleted."""
        query = LOCK if lock else LOCK.removesuffix(" FOR UPDATE")
        row = self.connection.execute(query.encode(), (self.job, self.run)).fetchone()
        return int(row[0]) if row else self.limit  # a run that somebody removed from the ledger deletes nothing more

    def end(self) -> None:
        """Note that the run is over."""
        self.connection.execute(END, (self.job, self.run))
        self.connection.execute(FORGET, (self.job, KEPT))


@dataclass
class Batch:
    """One transaction's part.

    :param may: how many things it may delete.
    :param took: how many it did delete, or is about to.
    """

    may: int
    took: int = 0


def allowance(connection: "psycopg.Connection[Any]", job: str, run: str, limit: int) -> Allowance:
    """Open a run's allowance, or the one that an earlier try of it has left.

    :raises ConfigurationError: the ledger is missing and this role may not make it.
    """
    prepare(connection)
    holder = f"{socket.gethostname()}/{os.getpid()}"
    row = connection.execute(OPEN, {"job": job, "run": run, "holder": holder}).fetchone()
    return Allowance(connection, job, run, limit, int(row[0]) if row else 1)
