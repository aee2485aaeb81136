"""The rows of a PostgreSQL table for the engine, in ranges of pages.

Long values are shortened by the server, so that few bytes travel. Why through the engine's reader of PostgreSQL, when
load uses its writer: the two share no code, and the reader is the one that made the raw files, guarded where a value
would not survive it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from baton_workloads.etl import column_encoding
from baton_workloads.etl.checksums import LONG
from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.manifest import Column, Manifest
from baton_workloads.etl.readers import Readers
from baton_workloads.etl.source import qualified
from baton_workloads.etl.warehouses.base import StoredRows

if TYPE_CHECKING:
    import psycopg

PAGES = "SELECT pg_relation_size(to_regclass(%s)) / current_setting('block_size')::int"
RANGE_PAGES = 1 << 13


class PostgresRows(StoredRows):
    """A table's rows in the snapshot of a transaction."""

    def __init__(self, readers: Readers, pieces: Sequence[str]) -> None:
        self._readers = readers
        self.pieces = pieces

    def row(self, query: str) -> tuple[Any, ...]:
        """Ask a reader of the asking thread's own."""
        return self._readers.row(query)


@contextmanager
def stored_rows(connection: "psycopg.Connection[Any]", dsn: str, made: Manifest) -> Iterator[PostgresRows]:
    """Open a table for readers that see what the transaction sees."""
    exported = connection.execute("SELECT pg_export_snapshot()").fetchone()
    readers = Readers(dsn, exported[0] if exported else "")
    try:
        yield PostgresRows(readers, [readers.rows(query) for query in _queries(connection, made)])
    finally:
        readers.close()


def _queries(connection: "psycopg.Connection[Any]", made: Manifest) -> Iterator[str]:
    found = connection.execute(PAGES, (qualified(made.target),)).fetchone()
    ranges = range(0, max(1, found[0] if found else 0), RANGE_PAGES)
    columns = [column for column in made.columns if column.carrier != "absent"]
    carried = [(identifier(column.name), column_encoding.plain(column), _read_back(column)) for column in columns]
    plain = ", ".join(f"{plain} AS {name}" for name, plain, _ in carried)
    selected = ", ".join(f"{read_back} AS {name}" for name, _, read_back in carried)
    # A text form is made once for each value, not once for each use.
    once = " OFFSET 0" if any(plain != name for name, plain, _ in carried) else ""
    for first in ranges:
        until = f" AND ctid < '({first + RANGE_PAGES},0)'" if first != ranges[-1] else ""
        rows = f"SELECT {plain} FROM {qualified(made.target)} WHERE ctid >= '({first},0)'{until}{once}"  # noqa: S608
        yield f"SELECT {selected} FROM ({rows}) carried"  # noqa: S608


def _read_back(column: Column) -> str:
    name = identifier(column.name)
    if column.carrier == "text":
        return _short_text(f"{name}::text")
    return _short_bytes(name) if column.udt == "bytea" else name


def _short_text(name: str) -> str:
    """Give PostgreSQL's expression for ``checksums.short_text``; the digest is of UTF-8, whatever the encoding."""
    digest = f"encode(sha256(convert_to({name}, {literal('UTF8')})), {literal('hex')})"
    return f"CASE WHEN length({name}) > {LONG} THEN {digest} ELSE {name} END"


def _short_bytes(name: str) -> str:
    """Give PostgreSQL's expression for ``checksums.short_bytes``."""
    return f"CASE WHEN octet_length({name}) > {LONG} THEN sha256({name}) ELSE {name} END"
