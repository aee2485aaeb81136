"""Which tables need a vacuum or new statistics, and why: autovacuum's own formula, asked earlier than it would.

Source: https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

# No function here opens a table: one that another transaction has locked does not hold up the survey. A table's wide
# values lie in a TOAST table, which has dead rows and an age of its own and is vacuumed with it.
TABLES = """
SELECT c.oid, n.nspname, c.relname, c.reltuples::float8, c.reloptions,
       coalesce(s.n_dead_tup, 0), coalesce(s.n_mod_since_analyze, 0), coalesce(s.n_ins_since_vacuum, 0),
       greatest(s.last_analyze, s.last_autoanalyze) IS NULL,
       greatest(age(c.relfrozenxid), age(t.relfrozenxid)), greatest(mxid_age(c.relminmxid), mxid_age(t.relminmxid)),
       coalesce(t.reltuples, 0)::float8, coalesce(ts.n_dead_tup, 0), t.reloptions
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
  LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
  LEFT JOIN pg_stat_all_tables ts ON ts.relid = t.oid
 WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY n.nspname, c.relname
"""
SETTINGS = (
    "SELECT name, setting::float8 FROM pg_settings WHERE name LIKE 'autovacuum%' AND vartype IN ('integer', 'real')"
)


@dataclass(frozen=True)
class Table:
    """One table as the catalogue and the statistics show it.

    :param rows: estimate; -1 when it was never counted.
    :param never_analysed: neither by hand nor by autovacuum since the statistics were reset.
    :param xid_age: of the oldest transaction, in its TOAST table, too.
    :param options: its own storage parameters, such as ``autovacuum_vacuum_threshold``.
    :param toast_rows: chunks of its TOAST table, which has options of its own.
    """

    oid: int
    schema: str
    name: str
    rows: float
    dead: int
    modified: int
    inserted: int
    never_analysed: bool
    xid_age: int
    mxid_age: int
    options: Mapping[str, str] = field(default_factory=dict)
    toast_rows: float = 0
    toast_dead: int = 0
    toast_options: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """``schema.name``, for people."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Need:
    """What a table needs.

    :param why: reasons for people; empty when nothing is needed.
    """

    vacuum: bool = False
    freeze: bool = False
    analyse: bool = False
    why: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The options of the VACUUM statement."""
        return tuple(word for word, wanted in (("FREEZE", self.freeze), ("ANALYZE", self.analyse)) if wanted)

    @property
    def work(self) -> str:
        """What is done, in words."""
        vacuum = "vacuum freeze" if self.freeze else "vacuum"
        return ", ".join(word for word, wanted in ((vacuum, self.vacuum), ("analyze", self.analyse)) if wanted)


def survey(connection: "psycopg.Connection[Any]") -> list[Table]:
    """Read the state of all tables of users; takes no lock on any of them."""
    return [_table(*row) for row in connection.execute(TABLES)]


def settings(connection: "psycopg.Connection[Any]") -> dict[str, float]:
    """Read the server's autovacuum settings, name → number."""
    return dict(connection.execute(SETTINGS).fetchall())


def need(table: Table, server: Mapping[str, float], share: float) -> Need:
    """Decide what a table needs.

    :param server: the server's settings; a table's own options win over them.
    :param share: how much of autovacuum's threshold is enough; 1 waits as long as autovacuum does.
    """
    limits, toast = _Limits(server, table.options, table.rows), _Limits(server, table.toast_options, table.toast_rows)
    asked = [
        ("vacuum", table.dead, limits.rows("vacuum"), "dead rows"),
        ("vacuum", table.toast_dead, toast.rows("vacuum"), "dead chunks in its TOAST table"),
        ("vacuum", table.inserted, limits.rows("vacuum_insert"), "rows inserted since the last vacuum"),
        ("analyse", table.modified, limits.rows("analyze"), "rows changed since the last analyze"),
        ("freeze", table.xid_age, limits.number("autovacuum_freeze_max_age"), "transactions old"),
        ("freeze", table.mxid_age, limits.number("autovacuum_multixact_freeze_max_age"), "multixacts old"),
    ]
    found = [(what, _reason(value, limit, words)) for what, value, limit, words in asked if value > limit * share > 0]
    if table.never_analysed and (table.rows != 0 or table.modified):
        found.append(("analyse", "never analysed"))
    wanted = {what for what, _ in found}
    return Need(
        vacuum=bool(wanted & {"vacuum", "freeze"}),
        freeze="freeze" in wanted,
        analyse="analyse" in wanted,
        why=tuple(reason for _, reason in found),
    )


def _reason(value: float, limit: float, words: str) -> str:
    times = value / limit
    share = f"{times:.0f} times" if times >= 10 else f"{100 * times:.0f} % of"
    return f"{value:.0f} {words}, {share} autovacuum's limit"


@dataclass(frozen=True)
class _Limits:
    """Autovacuum's thresholds for one table, or for its TOAST table."""

    server: Mapping[str, float]
    options: Mapping[str, str]
    table_rows: float

    def number(self, name: str) -> float:
        """Give a setting; 0 where the server has none of that name."""
        return float(self.options.get(name, self.server.get(name, 0)))

    def rows(self, kind: str) -> float:
        """Give the number of rows above which autovacuum acts; 0 when it never does so."""
        base = self.number(f"autovacuum_{kind}_threshold")
        if base < 0:
            return 0
        limit = base + self.number(f"autovacuum_{kind}_scale_factor") * max(self.table_rows, 0)
        highest = self.number("autovacuum_vacuum_max_threshold") if kind == "vacuum" else 0
        return min(limit, highest) if highest > 0 else limit


def _table(oid: int, schema: str, name: str, rows: float, options: list[str] | None, *more: Any) -> Table:
    dead, modified, inserted, never_analysed, xid_age, mxid_age, toast_rows, toast_dead, toast_options = more
    return Table(
        oid, schema, name, rows, dead, modified, inserted, never_analysed, xid_age, mxid_age, _options(options),
        toast_rows, toast_dead, _options(toast_options),
    )  # fmt: skip


def _options(options: list[str] | None) -> dict[str, str]:
    return dict(option.split("=", 1) for option in options or [])
