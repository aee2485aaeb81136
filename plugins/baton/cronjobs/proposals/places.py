"""Places where data may lie, and what a CronJob does with one.

A place is a bucket's path, a claim's folder, a table, a queue, a database. What matters is the direction: what one job
writes and another reads makes the second wait for the first; what both merely name may be anything.
"""

from __future__ import annotations

from dataclasses import dataclass

READS, WRITES, USES = "reads", "writes", "uses"
OBJECT, CLAIM, TABLE, QUEUE, DATABASE = "object", "claim", "table", "queue", "database"


@dataclass(frozen=True, slots=True)
class Place:
    """Where data may lie.

    :param base: what has to be the same: a bucket, a claim with its namespace, a table.
    :param path: below it, by its parts; a place that has none is meant as a whole.
    """

    kind: str
    base: str
    path: tuple[str, ...] = ()

    def meets(self, other: Place) -> bool:
        """Whether one lies in the other."""
        shorter = min(len(self.path), len(other.path))
        return (self.kind, self.base) == (other.kind, other.base) and self.path[:shorter] == other.path[:shorter]

    def __str__(self) -> str:
        """As in a sentence; nothing of it is a secret."""
        name = "/".join((self.base, *self.path))
        return name if self.kind == OBJECT and "://" in name else f"{_WORDS[self.kind]} {name}"


_WORDS = {OBJECT: "the bucket", CLAIM: "the volume", TABLE: "the table", QUEUE: "the queue", DATABASE: "the database"}


@dataclass(frozen=True, slots=True)
class Use:
    """What a CronJob does with a place.

    :param how: `READS`, `WRITES`, or `USES` where nothing tells.
    """

    place: Place
    how: str
