"""VACUUM and ANALYZE the tables that need it.

A table that somebody has locked holds up nobody: the others are done, then the run fails and names who locked it.
A table of which dead rows are left is done, too; the report says for whom they are kept.
"""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError, TransientError, WorkloadError
from baton_workloads.maintenance import blockers, horizon, table
from baton_workloads.maintenance.needs import Need, Table, need, settings, survey
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

STATE = """
SELECT pg_total_relation_size(c.oid), coalesce(s.n_dead_tup, 0) + coalesce(t.n_dead_tup, 0), age(c.relfrozenxid)
  FROM pg_class c LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
  LEFT JOIN pg_stat_all_tables t ON t.relid = c.reltoastrelid WHERE c.oid = %s
"""
# Warnings are told apart by the server's function, as their texts are in its language and have no code of their own.
SKIPPED = {"vacuum_is_permitted_for_relation", "vacuum_is_relation_owner"}
OLD_ROWS = {"vacuum_get_cutoffs", "vacuum_set_xid_limits"}
WRAPAROUND = {"SetTransactionIdLimit", "SetMultiXactIdLimit", "GetNewTransactionId", "GetNewMultiXactId"}
FAILSAFE = {"lazy_check_wraparound_failsafe"}  # a vacuum that leaves out indexes to be done in time
OUT_OF_NUMBERS = "54000"
STATISTICS_AT_ONCE = 150000  # before this version what a vacuum did is known a moment later
STATISTICS_SECONDS = 1.5
SHOWN = 200  # tables in the result; an XCom is no place for thousands, and the log has them all
HEAD = ("table", "done", "size before", "after", "dead before", "after", "age before", "after", "seconds")


@dataclass(frozen=True)
class State:
    """A table's size, dead rows and age in transactions."""

    size_bytes: int
    dead: int
    age: int


@dataclass
class Done:
    """What was done to one table; ``error`` instead of ``after`` where it failed.

    :param notes: what the server warned of, and why dead rows are left.
    """

    table: str
    why: tuple[str, ...]
    work: str
    before: State | None = None
    after: State | None = None
    seconds: float = 0
    error: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def keeps_dead_rows(self) -> bool:
        """Whether a vacuum left most of them."""
        left = self.before is not None and self.after is not None and self.after.dead * 2 > self.before.dead > 0
        return left and "vacuum" in self.work

    def as_json(self) -> dict[str, Any]:
        """For the result."""
        states = {"before": self.before, "after": self.after}
        return {
            "table": self.table,
            "work": self.work,
            "why": list(self.why),
            "seconds": self.seconds,
            **{name: vars(state) for name, state in states.items() if state},
            **({"error": self.error} if self.error else {}),
            **({"notes": self.notes} if self.notes else {}),
        }

    def as_row(self) -> tuple[object, ...]:
        """For the log."""
        one, two = self.before, self.after
        sizes = [table.size(state.size_bytes if state else None) for state in (one, two)]
        dead = [state.dead if state else "?" for state in (one, two)]
        ages = [state.age if state else "?" for state in (one, two)]
        return (self.table, "failed" if self.error else self.work, *sizes, *dead, *ages, f"{self.seconds:.1f}")


def vacuum(limits: Limits, share: float, *, dry_run: bool = False) -> dict[str, Any]:
    """Vacuum and analyse what needs it.

    :param share: see :func:`needs.need`.
    :returns: tables (name, work, why, before, after, seconds), looked_at, left (names, when the time is up), seconds.
    :raises TransientError: tables were locked or took too long; the message names them and who is in the way.
    :raises ConfigurationError: the role may not vacuum a table.
    """
    clock = Clock(limits.max_seconds)
    with session(required("BATON_SHOP_MAINTAINER_DSN"), limits) as connection:
        tables, server = survey(connection), settings(connection)
        due = [(item, wanted) for item in tables if (wanted := need(item, server, share)).why]
        for item, wanted in due:
            say(f"{item.label}: {wanted.work}, because: {'; '.join(wanted.why)}")
        run = _Run(connection, clock, limits)
        left = [item.label for item, _ in due] if dry_run else run.work_on(due)
    if run.done:
        table.show(HEAD, [item.as_row() for item in run.done])
    for note in (f"{item.table}: {note}" for item in run.done for note in item.notes):
        say(f"WARNING: {note}")
    say(f"{len(tables)} tables looked at, {len(run.done)} worked on, {len(left)} left: {', '.join(left) or 'none'}")
    run.failures.raise_at_the_end("vacuum")
    return {
        "outcome": "dry_run" if dry_run else "out_of_time" if left else "done",
        "looked_at": len(tables),
        "tables": [item.as_json() for item in run.done[:SHOWN]],
        "left": left,
        "seconds": clock.seconds,
    }


@dataclass
class _Run:
    """One run over the tables that need something."""

    connection: "psycopg.Connection[Any]"
    clock: Clock
    limits: Limits
    done: list[Done] = field(default_factory=list)
    failures: Failures = field(default_factory=Failures)

    def work_on(self, due: list[tuple[Table, Need]]) -> list[str]:
        """Do one after the other, the oldest first; returns the names of those for which no time is left."""
        waiting = sorted(due, key=lambda pair: (not pair[1].freeze, -pair[0].dead))
        while waiting and not self.clock.is_over:
            self._one(*waiting.pop(0))
        return [item.label for item, _ in waiting]

    def _one(self, item: Table, wanted: Need) -> None:
        import psycopg

        entry = Done(item.label, wanted.why, wanted.work)
        started = self.clock.seconds
        try:
            entry.before = self._state(item)
            warnings = self._execute(item, wanted)
            entry.after = self._state(item)
            if entry.keeps_dead_rows and self.connection.info.server_version < STATISTICS_AT_ONCE:
                time.sleep(STATISTICS_SECONDS)
                entry.after = self._state(item)
            entry.notes = self._notes(entry, warnings)
        except psycopg.Error as err:
            entry.error = self._failed(item, err, self.clock.seconds - started)
        except WorkloadError as err:
            entry.error = self.failures.add(str(err), err)
        entry.seconds = round(self.clock.seconds - started, 3)
        self.done.append(entry)

    def _execute(self, item: Table, wanted: Need) -> set[str]:
        """Vacuum or analyse.

        :returns: the server's functions that warned.
        :raises ConfigurationError: the server skipped the table, as it does where a right is missing.
        """
        from psycopg import sql

        warned: set[str] = set()

        def listen(notice: "psycopg.errors.Diagnostic") -> None:
            if notice.severity_nonlocalized == "WARNING":
                warned.add(str(notice.source_function))

        name = sql.Identifier(item.schema, item.name)
        words = sql.SQL(", ").join(map(sql.SQL, wanted.words))
        verb = sql.SQL("VACUUM") if wanted.vacuum else sql.SQL("ANALYZE")
        options = sql.SQL(" ({})").format(words) if wanted.vacuum and wanted.words else sql.SQL("")
        self.connection.add_notice_handler(listen)
        try:
            self.connection.execute(sql.SQL("{}{} {}").format(verb, options, name))
        finally:
            self.connection.remove_notice_handler(listen)
        if warned & SKIPPED:
            raise ConfigurationError(
                f"{item.label}: the server skipped it; give this role pg_maintain, or MAINTAIN on the table (before"
                " PostgreSQL 17: make it a member of the table's owner)"
            )
        return warned

    def _notes(self, entry: Done, warned: set[str]) -> list[str]:
        """Say what the server warned of, and for whom most of the dead rows were left."""
        notes = []
        if entry.keeps_dead_rows or warned & OLD_ROWS:
            notes.append(f"its dead rows are kept for {self._kept_for()}; they go with the first vacuum after its end")
        if warned & (WRAPAROUND | FAILSAFE):
            notes.append(
                "the server warns that it runs out of transaction numbers, and will refuse to write at last; end what"
                " holds old rows, then vacuum the whole database that the server's log names"
            )
        if warned - SKIPPED - OLD_ROWS - WRAPAROUND - FAILSAFE:
            notes.append("the server warned of something else, and went on; its log has the text")
        return notes

    def _kept_for(self) -> str:
        found = horizon.holders(self.connection)
        role = who_sees_nobody(self.connection)
        if not found and role:
            return f"a session that this role may not see (GRANT pg_monitor TO {role})"
        return blockers.names(found)

    def _state(self, item: Table) -> State | None:
        row = self.connection.execute(STATE, (item.oid,)).fetchone()
        return State(*row) if row else None

    def _failed(self, item: Table, err: "psycopg.Error", seconds: float) -> str:
        """Say why, without the server's text.

        :param seconds: that the statement took.
        :raises WorkloadError: the connection is gone, so nothing else can be done either.
        """
        if self.connection.closed:
            raise translated(err) from err
        if is_lock_timeout(err):
            holders = blockers.names(blockers.lock_holders(self.connection, item.oid))
            message = f"{item.label} is locked by {holders}; end that transaction, or wait, then run again"
            return self.failures.add(message, TransientError(message))
        if is_cancelled(err):
            message = f"{item.label}: {self.limits.said_of_a_cancelled(seconds)}"
            return self.failures.add(message, TransientError(message))
        if err.sqlstate == OUT_OF_NUMBERS:
            message = (
                f"{item.label}: the server has run out of transaction numbers and writes nothing any more; end what"
                " holds old rows, then let a superuser VACUUM the whole database that the server's log names"
            )
            return self.failures.add(message, ConfigurationError(message))
        if err.sqlstate == "42P01":
            return f"{item.label} is gone"
        error = translated(err)
        return self.failures.add(f"{item.label}: {error}", error)
