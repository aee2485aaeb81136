"""The ledger of items whose effect cannot be taken back: a mail, a payment, a call.

Claim as late as possible, act, complete. Nobody can claim an item twice, so its effect happens at most once; a kill
between claim and completion leaves it started: perhaps it happened. Such items are named, never tried again by
themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

UNCONFIRMED = "unconfirmed"  # the outcome of an item that was interrupted: perhaps it happened

ENQUEUE = """
INSERT INTO baton.job_items (job, item, state) VALUES (%s, %s, 'pending') ON CONFLICT (job, item) DO NOTHING
"""
CLAIM = """
INSERT INTO baton.job_items (job, item, state, reference, started_at) VALUES (%s, %s, 'started', %s, clock_timestamp())
ON CONFLICT (job, item) DO UPDATE
   SET state = 'started', reference = EXCLUDED.reference, started_at = EXCLUDED.started_at
 WHERE baton.job_items.state = 'pending'
"""
COMPLETE = """
UPDATE baton.job_items SET state = 'done', outcome = %s, finished_at = clock_timestamp()
 WHERE job = %s AND item = %s AND (state = 'started' OR outcome = 'unconfirmed')
"""
DISMISS = """
INSERT INTO baton.job_items (job, item, state, outcome, finished_at) VALUES (%s, %s, 'done', %s, clock_timestamp())
ON CONFLICT (job, item) DO UPDATE
   SET state = 'done', outcome = EXCLUDED.outcome, finished_at = EXCLUDED.finished_at
 WHERE baton.job_items.state = 'pending'
"""
RELEASE = (
    "UPDATE baton.job_items SET state = 'pending', outcome = NULL, finished_at = NULL WHERE job = %s AND item = %s"
)
INTERRUPTED = """
SELECT item, reference, started_at FROM baton.job_items WHERE job = %s AND state = 'started' ORDER BY started_at, item
"""


@dataclass(frozen=True)
class Interrupted:
    """An item that was claimed and has no outcome: perhaps it happened.

    :param reference: what the claimer noted, for example the mail's Message-ID, to look for it on the other side.
    """

    item: str
    reference: str | None
    started_at: datetime


@dataclass(frozen=True)
class Items:
    """The items of one job. Each method is one statement: in autocommit, or in the caller's transaction."""

    connection: "psycopg.Connection[Any]"
    job: str

    def enqueue(self, item: str) -> None:
        """Note work for later, together with the change that makes it necessary; known items stay as they are."""
        self.connection.execute(ENQUEUE, (self.job, item))

    def claim(self, item: str, reference: str | None = None) -> bool:
        """Take an item for good, right before acting. Commit before you act.

        :returns: whether it is the caller's; false: someone acts on it, has done so, or perhaps has.
        """
        return self.connection.execute(CLAIM, (self.job, item, reference)).rowcount == 1

    def complete(self, item: str, outcome: str) -> None:
        """Record how a claimed item ended; whoever knows better may correct :data:`UNCONFIRMED`."""
        self.connection.execute(COMPLETE, (outcome, self.job, item))

    def dismiss(self, item: str, outcome: str) -> None:
        """Record that an item needs no action."""
        self.connection.execute(DISMISS, (self.job, item, outcome))

    def release(self, item: str) -> None:
        """Give an item back that surely did not happen: it may be claimed again."""
        self.connection.execute(RELEASE, (self.job, item))

    def interrupted(self) -> list[Interrupted]:
        """List claimed items without an outcome; ask before claiming any, when the job's lock is held."""
        return [Interrupted(*row) for row in self.connection.execute(INTERRUPTED, (self.job,))]


@dataclass(frozen=True)
class ItemClaim:
    """The right to act on one item, to be taken by whoever acts, right before.

    :param still_wanted: asked in the claim's own transaction; work that has become needless is not claimed.
    """

    items: Items
    item: str
    reference: str
    still_wanted: Callable[[], bool] = lambda: True

    def take(self) -> bool:
        """Claim the item, durably; see :meth:`Items.claim`."""
        with self.items.connection.transaction():
            return self.still_wanted() and self.items.claim(self.item, self.reference)

    def give_back(self) -> None:
        """Give back what was taken; see :meth:`Items.release`."""
        self.items.release(self.item)
