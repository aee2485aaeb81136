"""Checks that PostgreSQL answers by itself, and its rows for those that the engine answers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl import engine
from baton_workloads.etl.engine import identifier, literal, roll_back
from baton_workloads.etl.manifest import Column, Manifest
from baton_workloads.etl.rules.violations import Violation
from baton_workloads.etl.source import qualified
from baton_workloads.etl.warehouses.base import Entry, Reading, StoredRows
from baton_workloads.etl.warehouses.postgres import ledger
from baton_workloads.etl.warehouses.postgres.conditions import condition
from baton_workloads.etl.warehouses.postgres.stored_rows import stored_rows

if TYPE_CHECKING:
    import duckdb
    import psycopg

HAS_KEY = """
SELECT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = to_regclass(%s) AND i.indisprimary AND i.indisvalid)
"""


class PostgresReading(Reading):
    """A transaction that sees one moment."""

    def __init__(self, connection: "psycopg.Connection[Any]", dsn: str) -> None:
        self._connection = connection
        self._dsn = dsn

    def entry(self, dataset: str) -> Entry | None:
        """Ask the ledger."""
        return ledger.current(self._connection, dataset)

    def columns(self, table: str) -> set[str]:
        """Ask the catalogue."""
        rows = self._connection.execute(
            "SELECT attname::text FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
            (qualified(table),),
        )
        return {row[0] for row in rows}

    def count(self, table: str, violations: Sequence[tuple[Column, Violation]]) -> tuple[int, list[int]]:
        """Count with one filter for each violation."""
        filters = (f"count(*) FILTER (WHERE {condition(violation, column)})" for column, violation in violations)
        counts = ", ".join(["count(*)", *filters])
        found = self._connection.execute(f"SELECT {counts} FROM {qualified(table)}".encode()).fetchone()  # noqa: S608
        if found is None:
            raise DataError(f"{table} gave no count")
        rows, *broken = found
        return rows, broken

    def count_doubled(self, table: str, key: list[str], *, is_primary: bool) -> int:
        """Count, unless a valid primary key is proof by itself."""
        name = qualified(table)
        if is_primary and self._one(HAS_KEY, (name,)):
            return 0
        names = ", ".join(identifier(column) for column in key)
        filled = " AND ".join(f"{identifier(column)} IS NOT NULL" for column in key)
        return self._one(
            f"SELECT count(*) FROM (SELECT FROM {name} WHERE {filled}"  # noqa: S608
            f" GROUP BY {names} HAVING count(*) > 1) doubled"
        )

    def count_orphans(self, child: str, columns: list[str], parent: str, references: list[str]) -> int:
        """Count what an anti-join leaves."""
        pairs = zip(columns, references, strict=True)
        joined = " AND ".join(f"child.{identifier(c)} = parent.{identifier(r)}" for c, r in pairs)
        filled = " AND ".join(f"child.{identifier(c)} IS NOT NULL" for c in columns)
        return self._one(
            f"SELECT count(*) FROM {qualified(child)} child WHERE {filled} AND NOT EXISTS"  # noqa: S608
            f" (SELECT FROM {qualified(parent)} parent WHERE {joined})"
        )

    def distinct(self, table: str, column: str) -> list[str]:
        """Fetch the texts."""
        name = identifier(column)
        query = f"SELECT DISTINCT {name} FROM {qualified(table)} WHERE {name} IS NOT NULL"  # noqa: S608
        return [row[0] for row in self._connection.execute(query.encode())]

    @contextmanager
    def rows(self, made: Manifest) -> Iterator[StoredRows]:
        """Read through the engine's own reader, in the snapshot of this transaction."""
        with stored_rows(self._connection, self._dsn, made) as rows:
            yield rows

    def engine(self, memory: str) -> "duckdb.DuckDBPyConnection":
        """Open an engine that speaks PostgreSQL."""
        return engine.connect(postgres=True, memory=memory)

    @contextmanager
    def values(self, engine: "duckdb.DuckDBPyConnection", table: str, column: str) -> Iterator[str]:
        """Let the engine ask for the column."""
        engine.execute(f"ATTACH IF NOT EXISTS {literal(self._dsn)} AS warehouse (TYPE postgres, READ_ONLY)")
        engine.execute("BEGIN")
        query = f"SELECT {identifier(column)} AS value FROM {qualified(table)}"  # noqa: S608
        try:
            yield f"postgres_query('warehouse', {literal(query)})"
        finally:
            roll_back(engine)

    def _one(self, query: str, parameters: tuple[Any, ...] | None = None) -> int:
        row = self._connection.execute(query.encode(), parameters).fetchone()
        return int(row[0]) if row else 0
