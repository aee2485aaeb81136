"""Readers: the engine's connections to a database, all in the snapshot that the coordinating transaction exported."""

import threading
from typing import TYPE_CHECKING, Any

from baton_workloads.etl import database, engine
from baton_workloads.etl.engine import PARQUET

if TYPE_CHECKING:
    import duckdb


class Readers:
    """One engine whose threads all read the same snapshot of the source, or of the warehouse."""

    def __init__(self, dsn: str, exported: str) -> None:
        self._exported = exported
        self._engine = engine.connect(postgres=True)
        self._engine.execute("SET preserve_insertion_order = false")
        self._engine.execute(f"ATTACH {engine.literal(dsn)} AS source (TYPE postgres, READ_ONLY)")
        self._local = threading.local()
        self._all: list[duckdb.DuckDBPyConnection] = []

    def copy(self, query: str, path: str) -> int:
        """Write a query's rows to a Parquet file and give their number."""
        copied = self.row(f"COPY (FROM {self.rows(query)}) TO {engine.literal(path)} ({PARQUET})")
        return int(copied[0]) if copied else 0

    def rows(self, query: str) -> str:
        """Give the engine's expression for the rows of a query that PostgreSQL answers."""
        return f"postgres_query('source', {engine.literal(query)})"

    def row(self, query: str) -> tuple[Any, ...]:
        """Give the one row of a query that the engine answers."""
        reader = self._reader()
        try:
            return reader.execute(query).fetchone() or ()
        except Exception:
            self._local.reader = None  # its transaction is lost; the next query begins another one
            engine.roll_back(reader)
            raise

    def _reader(self) -> "duckdb.DuckDBPyConnection":
        reader: duckdb.DuckDBPyConnection | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = self._engine.cursor()
            self._all.append(reader)
            reader.execute("BEGIN")
            for statement in (f"SET TRANSACTION SNAPSHOT '{self._exported}'", database.SESSION):
                reader.execute(f"CALL postgres_execute('source', {engine.literal(statement)})")
        return reader

    def close(self) -> None:
        """Close all connections; no range may be being copied."""
        for reader in self._all:
            engine.roll_back(reader)
        self._engine.close()
