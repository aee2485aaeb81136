"""How large the row groups of a Parquet file are, and how few of huge ones are in memory at a time."""

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from baton_workloads.etl.engine import literal

if TYPE_CHECKING:
    import duckdb

HUGE_BYTES = 24 << 20  # a row group of more than that is one huge row
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class RowGroups:
    """Of one file.

    :param bytes: of the largest row group, uncompressed.
    :param rows: how many are about one row group in memory. The last row group does not count, as it ended with the
        file.
    """

    bytes: int
    rows: int


def measure(connection: "duckdb.DuckDBPyConnection", path: Path) -> RowGroups:
    """Read the file's metadata."""
    groups = (
        "(SELECT DISTINCT row_group_id AS id, row_group_bytes AS size, row_group_num_rows AS rows,"  # noqa: S608
        f" max(row_group_id) OVER () AS last FROM parquet_metadata({literal(str(path))}))"
    )
    found = connection.execute(
        f"SELECT max(size), coalesce(min(rows) FILTER (id < last), max(rows)) FROM {groups}"  # noqa: S608
    ).fetchone()
    size, rows = found or (None, None)
    return RowGroups(size or 0, rows or 0)


def alone_if_huge(*groups: RowGroups) -> AbstractContextManager[object]:
    """Wait until no other huge one is worked on, where one of these is huge."""
    return _ONE_AT_A_TIME if any(group.bytes > HUGE_BYTES for group in groups) else nullcontext()
