# ruff: noqa: S608  (tests write their SQL themselves)
"""A DuckDB file as the warehouse, ``duckdb:///path/to/file``: written for a test, to show that one folder suffices."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from baton_workloads.errors import DataError
from baton_workloads.etl import checksums, engine
from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.manifest import Column, Manifest, Snapshot
from baton_workloads.etl.rules.violations import (
    Differs,
    Filled,
    HasNotForm,
    NoMultiple,
    Uncarried,
    Violation,
    WithinPeriod,
)
from baton_workloads.etl.warehouses.base import Entry, Load, Reading, Replacing, StoredRows, Warehouse
from baton_workloads.storage import join, store_for

SCHEMES = ("duckdb",)
LEDGER = """
CREATE TABLE IF NOT EXISTS warehouse.main.load_ledger (
    dataset text PRIMARY KEY, manifest_digest text, snapshot text, policy_digest text, key_fingerprint text,
    rows bigint, target text)
"""


def open_warehouse(dsn: str) -> "DuckdbWarehouse":
    """Give the warehouse of an address."""
    return DuckdbWarehouse(dsn.removeprefix("duckdb://"))


def _table(name: str) -> str:
    return ".".join(["warehouse", *(identifier(part) for part in name.split(".", 1))])


def _entry(connection: Any, dataset: str) -> Entry | None:
    row = connection.execute(
        "SELECT manifest_digest, snapshot, policy_digest, key_fingerprint, rows, target"
        " FROM warehouse.main.load_ledger WHERE dataset = ?",
        [dataset],
    ).fetchone()
    if row is None:
        return None
    schema, table = row[5].split(".", 1)
    there = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'warehouse' AND schema_name = ? AND table_name = ?",
        [schema, table],
    ).fetchone()[0]
    return Entry(row[0], Snapshot.model_validate(json.loads(row[1])), row[2], row[3], row[4], bool(there))


class DuckdbWarehouse(Warehouse):
    """One file, which one process writes at a time."""

    def __init__(self, path: str) -> None:
        self._path = path

    @contextmanager
    def replacing(self, dataset: str) -> Iterator[Replacing]:
        """Begin a transaction."""
        connection = engine.connect()
        try:
            connection.execute(f"ATTACH {literal(self._path)} AS warehouse")
            connection.execute("BEGIN")
            connection.execute(LEDGER)
            yield DuckdbReplacing(connection, dataset)
            connection.execute("COMMIT")
        finally:
            connection.close()

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Open the file, which nobody changes meanwhile."""
        connection = engine.connect()
        try:
            connection.execute(f"ATTACH {literal(self._path)} AS warehouse (READ_ONLY)")
            yield DuckdbReading(connection)
        finally:
            connection.close()


class DuckdbReplacing(Replacing):
    """A load's transaction."""

    def __init__(self, connection: Any, dataset: str) -> None:
        self._connection = connection
        self._dataset = dataset

    def entry(self) -> Entry | None:
        """Ask the ledger."""
        return _entry(self._connection, self._dataset)

    def replace(self, load: Load, entry: Entry | None) -> None:
        """Make the table anew from the files."""
        made = load.manifest
        columns = ", ".join(
            f"{'NULL' if c.carrier == 'absent' else identifier(c.name)} AS {identifier(c.name)}" for c in made.columns
        )
        with ExitStack() as files:
            uris = [(join(load.uri.rsplit("/", 1)[0], file.path), file) for file in made.files]
            paths = [files.enter_context(store_for(uri).reading(uri, f.bytes, f.sha256)) for uri, f in uris]
            rows = " UNION ALL ".join(f"SELECT {columns} FROM {engine.parquet(str(path))}" for path in paths)
            nothing = ", ".join(f"NULL::VARCHAR AS {identifier(c.name)}" for c in made.columns)
            rows = rows or f"SELECT {nothing} WHERE false"
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_table(made.target.split('.')[0])}")
            self._connection.execute(f"CREATE OR REPLACE TABLE {_table(made.target)} AS {rows}")
        if self._connection.execute(f"SELECT count(*) FROM {_table(made.target)}").fetchone()[0] != made.rows:
            raise DataError(f"the files of {made.dataset} do not hold {made.rows} rows; run the transform again")
        snapshot = json.dumps(made.snapshot.model_dump(mode="json"))
        self._connection.execute(
            "INSERT OR REPLACE INTO warehouse.main.load_ledger VALUES (?, ?, ?, ?, ?, ?, ?)",
            [made.dataset, load.digest, snapshot, made.policy_digest, made.key_fingerprint, made.rows, made.target],
        )


class DuckdbRows(StoredRows):
    """A table as it stands in the file."""

    def __init__(self, connection: Any, made: Manifest) -> None:
        self._connection = connection
        columns = (f"{_short(c)} AS {identifier(c.name)}" for c in made.columns if c.carrier != "absent")
        self.pieces = [f"(SELECT {', '.join(columns)} FROM {_table(made.target)})"]

    def row(self, query: str) -> tuple[Any, ...]:
        """Ask with a cursor of its own."""
        return self._connection.cursor().execute(query).fetchone() or ()


def _short(column: Column) -> str:
    name = identifier(column.name)
    if column.carrier == "text":
        return checksums.short_text(name)
    return checksums.short_bytes(name) if column.udt == "bytea" else name


def _condition(violation: Violation, name: str) -> str:
    match violation:
        case Filled():
            return f"{name} IS NOT NULL"
        case Differs(text):
            return f"{name} IS DISTINCT FROM {literal(text)}"
        case HasNotForm(pattern):
            return f"NOT regexp_matches({name}, {literal(pattern)})"
        case WithinPeriod(period):
            return f"isfinite({name}) AND {name} <> date_trunc('{period}', {name})"
        case NoMultiple(step):
            return f"{name} % {step} <> 0"
        case Uncarried():
            return "false"  # the file holds the engine's own types


class DuckdbReading(Reading):
    """The file, open for reading."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._engines = 0

    def entry(self, dataset: str) -> Entry | None:
        """Ask the ledger."""
        return _entry(self._connection, dataset)

    def columns(self, table: str) -> set[str]:
        """Describe the table."""
        return {row[0] for row in self._connection.execute(f"DESCRIBE {_table(table)}").fetchall()}

    def count(self, table: str, violations: Sequence[tuple[Column, Violation]]) -> tuple[int, list[int]]:
        """Count with one filter for each violation."""
        filters = (f"count(*) FILTER (WHERE {_condition(v, identifier(c.name))})" for c, v in violations)
        rows, *broken = self._connection.execute(
            f"SELECT {', '.join(['count(*)', *filters])} FROM {_table(table)}"
        ).fetchone()
        return rows, broken

    def count_doubled(self, table: str, key: list[str], *, is_primary: bool) -> int:
        """Count; the file has no keys."""
        names = ", ".join(identifier(column) for column in key)
        filled = " AND ".join(f"{identifier(column)} IS NOT NULL" for column in key)
        query = f"SELECT {names} FROM {_table(table)} WHERE {filled} GROUP BY {names} HAVING count(*) > 1"
        return int(self._connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0])

    def count_orphans(self, child: str, columns: list[str], parent: str, references: list[str]) -> int:
        """Count what an anti-join leaves."""
        joined = " AND ".join(
            f"child.{identifier(c)} = parent.{identifier(r)}" for c, r in zip(columns, references, strict=True)
        )
        filled = " AND ".join(f"child.{identifier(c)} IS NOT NULL" for c in columns)
        return int(
            self._connection.execute(
                f"SELECT count(*) FROM {_table(child)} child ANTI JOIN {_table(parent)} parent ON {joined}"
                f" WHERE {filled}"
            ).fetchone()[0]
        )

    def distinct(self, table: str, column: str) -> list[str]:
        """Fetch the texts."""
        name = identifier(column)
        query = f"SELECT DISTINCT {name} FROM {_table(table)} WHERE {name} IS NOT NULL"
        return [row[0] for row in self._connection.execute(query).fetchall()]

    @contextmanager
    def rows(self, made: Manifest) -> Iterator[StoredRows]:
        """Read as it stands there."""
        yield DuckdbRows(self._connection, made)

    def engine(self, memory: str) -> Any:
        """Give the same engine, with a room of its own for tables."""
        self._engines += 1
        cursor = self._connection.cursor()
        cursor.execute(f"CREATE SCHEMA memory.engine_{self._engines}; USE memory.engine_{self._engines}")
        return cursor

    @contextmanager
    def values(self, engine: Any, table: str, column: str) -> Iterator[str]:
        """Read as it stands there."""
        yield f"(SELECT {identifier(column)} AS value FROM {_table(table)})"
