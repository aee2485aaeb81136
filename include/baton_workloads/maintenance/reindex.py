"""REINDEX CONCURRENTLY the indexes that are mostly air.

A concurrent reindex waits for the end of every older transaction and, when it gives up half-way, leaves an invalid
index behind that only the table's owner may drop. So it is not begun while such a transaction is open, nor on a table
that has such an index already; and once begun nothing of ours ends it but its patience with others.
"""

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError, TransientError, some
from baton_workloads.maintenance import blockers, table
from baton_workloads.maintenance.bloat import Index, Invalid, indexes, invalid_indexes, measured, measuring_schema
from baton_workloads.maintenance.work import (
    Clock,
    Failures,
    Limits,
    is_cancelled,
    is_lock_timeout,
    session,
    translated,
    who_sees_nobody,
)
from baton_workloads.progress import say

if TYPE_CHECKING:
    import psycopg

POLL_SECONDS = 0.5
HEAD = ("index", "air before", "size before", "after", "seconds", "error")


@dataclass(frozen=True)
class Wish:
    """Which indexes are worth it.

    :param least_bloat: part that is air, from 0 to 1; an index that is filled at random is a third air by nature.
    :param least_bytes: smaller indexes are left alone.
    :param old_seconds: a transaction older than this is in the way.
    :param patience_seconds: how long an index that was begun waits for others; giving up would leave it invalid.
    """

    least_bloat: float = 0.5
    least_bytes: int = 8 << 20
    old_seconds: float = 30
    patience_seconds: float = 600


@dataclass
class Done:
    """What was done to one index."""

    index: str
    bloat: float
    size_before_bytes: int
    size_after_bytes: int | None = None
    seconds: float = 0
    error: str | None = None

    def as_row(self) -> tuple[object, ...]:
        """For the log."""
        sizes = table.size(self.size_before_bytes), table.size(self.size_after_bytes)
        return (self.index, f"{100 * self.bloat:.0f} %", *sizes, f"{self.seconds:.1f}", "failed" if self.error else "")


def reindex(limits: Limits, wish: Wish, *, dry_run: bool = False) -> dict[str, Any]:
    """Rebuild bloated indexes, the largest first.

    :param limits: a lock that is not given within ``lock_seconds`` before an index is begun leaves that index alone.
    :returns: indexes (name, bloat, sizes, seconds), looked_at, left, invalid (name, owner, remedy), seconds.
    :raises TransientError: something was in the way; the message names it.
    :raises ConfigurationError: an invalid index is there, and the message has the command for its owner; or a right is
        missing without which nothing can be known.
    """
    clock = Clock(limits.max_seconds)
    with session(required("BATON_SHOP_MAINTAINER_DSN"), limits) as connection:
        _refuse_blindness(connection)
        run = _Run(connection, clock, limits, wish, {item.table_oid for item in invalid_indexes(connection)})
        found = indexes(connection)
        due = run.choose(found)
        left = [index.label for index, _ in due] if dry_run else run.work_on(due)
        invalid = invalid_indexes(connection)
    if run.done:
        table.show(HEAD, [item.as_row() for item in run.done])
    say(f"{len(found)} indexes looked at, {len(run.done)} worked on, {len(left)} left: {', '.join(left) or 'none'}")
    for item in invalid:
        run.failures.add(*_said(item))
    run.failures.raise_at_the_end("reindex")
    return {
        "outcome": "dry_run" if dry_run else "out_of_time" if left else "done",
        "looked_at": len(found),
        "indexes": [{key: value for key, value in vars(item).items() if value is not None} for item in run.done],
        "left": left,
        "seconds": clock.seconds,
    }


def _refuse_blindness(connection: "psycopg.Connection[Any]") -> None:
    """Refuse to begin as a role from which other sessions' transactions are hidden: it would wait for them."""
    if role := who_sees_nobody(connection):
        raise ConfigurationError(f"reindex: other sessions are hidden from this role; GRANT pg_monitor TO {role}")


def _said(item: Invalid) -> tuple[str, ConfigurationError]:
    message = (
        f"invalid index {item.schema}.{item.name} on {item.table} was left by an interrupted build and slows writes;"
        f" let {item.owner} run: {item.remedy}"
    )
    return message, ConfigurationError(message)


@dataclass
class _Run:
    """One run over the bloated indexes.

    :param unfinished: oids of tables that have an invalid index.
    """

    connection: "psycopg.Connection[Any]"
    clock: Clock
    limits: Limits
    wish: Wish
    unfinished: set[int]
    done: list[Done] = field(default_factory=list)
    failures: Failures = field(default_factory=Failures)

    def choose(self, found: list[Index]) -> list[tuple[Index, float]]:
        """Give the indexes that are worth it, with their bloat."""
        large = [index for index in found if index.size_bytes >= self.wish.least_bytes]
        schema = measuring_schema(self.connection)
        known = [index for index in large if schema or (index.width and not index.hidden)]
        self._tell_unknown([index for index in large if index not in known])
        due = []
        for index in known:
            if (air := self._bloat(index, schema)) >= self.wish.least_bloat:
                say(f"{index.label}: {table.size(index.size_bytes)}, {100 * air:.0f} % of it air")
                due.append((index, air))
        return due

    def _tell_unknown(self, unknown: list[Index]) -> None:
        """An index of which nothing is known is not one without air."""
        hidden = [index.label for index in unknown if index.hidden]
        if hidden:
            message = (
                f"this role may not read the statistics of {len(hidden)} indexes ({some(hidden)}), so their air is not"
                " known; grant it pg_read_all_data (and BYPASSRLS where a table has row-level security), or install"
                " the extension pgstattuple"
            )
            self.failures.add(message, ConfigurationError(message))
        blank = [index.label for index in unknown if not index.hidden]
        if blank:
            say(f"{len(blank)} indexes have no statistics yet ({some(blank)}); they come with the next vacuum")

    def _bloat(self, index: Index, schema: str | None) -> float:
        import psycopg

        try:
            return measured(self.connection, index, schema) if schema else index.estimate
        except psycopg.errors.LockNotAvailable:
            return index.estimate
        except psycopg.Error as err:
            raise translated(err) from err

    def work_on(self, due: list[tuple[Index, float]]) -> list[str]:
        """Rebuild one after the other; returns the names of those for which no time is left."""
        waiting = list(due)
        while waiting and not self.clock.is_over:
            self._one(*waiting.pop(0))
        return [index.label for index, _ in waiting]

    def _one(self, index: Index, air: float) -> None:
        import psycopg

        entry = Done(index.label, round(air, 3), index.size_bytes)
        started = self.clock.seconds
        try:
            entry.error = self._in_the_way(index)
            if not entry.error:
                self._rebuild(index)
                entry.size_after_bytes = self._size(index)
        except psycopg.Error as err:
            entry.error = self._failed(index, err)
        entry.seconds = round(self.clock.seconds - started, 3)
        self.done.append(entry)

    def _in_the_way(self, index: Index) -> str | None:
        """Wait until nobody is in the way; after the lock's time give a message that says who is."""
        if index.table_oid in self.unfinished:
            return f"{index.label} is left alone, as its table has an invalid index"
        deadline = time.monotonic() + self.limits.lock_seconds
        while found := self._blockers(index):
            if time.monotonic() >= deadline:
                message = f"{index.label} cannot be rebuilt because of {blockers.names(found)}; wait for its end"
                return self.failures.add(message, TransientError(message))
            time.sleep(POLL_SECONDS)
        return None

    def _blockers(self, index: Index) -> list[blockers.Blocker]:
        holders = blockers.lock_holders(self.connection, index.table_oid)
        return holders or blockers.in_the_way_of_reindex(self.connection, index.table_oid, self.wish.old_seconds)

    def _rebuild(self, index: Index) -> None:
        from psycopg import sql

        name = sql.Identifier(index.schema, index.name)
        replace(self.limits, lock_seconds=self.wish.patience_seconds, statement_seconds=0).set_on(self.connection)
        try:
            self.connection.execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(name))
        finally:
            if not self.connection.closed:
                self.limits.set_on(self.connection)

    def _size(self, index: Index) -> int | None:
        row = self.connection.execute("SELECT pg_relation_size(to_regclass(%s))", (_quoted(index),)).fetchone()
        return row[0] if row else None

    def _failed(self, index: Index, err: "psycopg.Error") -> str:
        """Say why, without the server's text.

        :raises WorkloadError: the connection is gone, so nothing else can be done either.
        """
        if self.connection.closed:
            raise translated(err) from err
        self.unfinished.add(index.table_oid)
        if is_lock_timeout(err):
            message = f"{index.label} was begun and had to wait too long for {blockers.names(self._blockers(index))}"
            return self.failures.add(message, TransientError(message))
        if is_cancelled(err):
            message = f"{index.label} was begun, and somebody cancelled it (pg_cancel_backend)"
            return self.failures.add(message, TransientError(message))
        if err.sqlstate == "42P01":
            return f"{index.label} is gone"
        error = translated(err)
        return self.failures.add(f"{index.label}: {error}", error)


def _quoted(index: Index) -> str:
    from psycopg import sql

    return sql.Identifier(index.schema, index.name).as_string()
