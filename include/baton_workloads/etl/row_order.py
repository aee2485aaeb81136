"""An order of rows that tells nothing about their order in the source.

Why: sequential ids are ranked by the order in which their rows lie. With the source's order in the files or in the
warehouse, the n-th row's pseudonym is the n-th id's, and nobody needs the key. The same holds for dropped ids, exact
times behind rounded ones, and everything else that grows with a table.

Each row gets a place: its pseudonym, where that is the primary key, else a random number. The rows of each part are
dealt out into buckets of neighbouring places; then each bucket, with rows of all parts, is sorted by place and becomes
one file. So memory is bounded by a bucket, and no file, row group or position says which part a row comes from.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from baton_workloads.environment import threads
from baton_workloads.errors import DataError
from baton_workloads.etl import engine, row_groups
from baton_workloads.etl.engine import PARQUET, identifier, literal
from baton_workloads.etl.manifest import File, Manifest
from baton_workloads.etl.parallel import run_all
from baton_workloads.etl.policy import Policy
from baton_workloads.storage import join, store_for

if TYPE_CHECKING:
    import duckdb
    import pyarrow

PLACE = identifier("baton place")
BUCKET = identifier("baton bucket")
BUCKET_BYTES = 40 << 20  # of rows in memory
MAX_BUCKETS = 64  # each part writes a small file for each bucket
HELD_BYTES = 8 << 20  # of rows that wait to be dealt out
HELD_ROWS = 2048, 65536  # one vector; more is no faster
PIECES = "FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE_BYTES '16MB'"  # read once, from the local disk


def tells(raw: Manifest, policy: Policy) -> bool:
    """Say whether the order of rows could tell something hidden: a table that is kept as it is has nothing to hide."""
    return any(not policy.rule(column.name).keeps_values for column in raw.columns)


def random_places(rows: int) -> "pyarrow.Array":
    """Give random 64-bit numbers of the operating system's: no order of theirs can be computed back."""
    import pyarrow

    return pyarrow.Array.from_buffers(pyarrow.uint64(), rows, [None, pyarrow.py_buffer(os.urandom(8 * rows))])


def dealt(places: "pyarrow.Array", buckets: int) -> "pyarrow.Array":
    """Give the bucket of each place, by the first byte that it has in memory."""
    import pyarrow

    stored = getattr(places, "storage", places)
    width = stored.type.bit_width // 8
    first_bytes = stored.buffers()[1].to_pybytes()[: len(places) * width : width]
    bucket_of = bytes(byte * buckets >> 8 for byte in range(256))
    dealt_to = first_bytes.translate(bucket_of)
    return pyarrow.Array.from_buffers(pyarrow.uint8(), len(places), [None, pyarrow.py_buffer(dealt_to)])


def buckets(raw: Manifest) -> int:
    """Give the number of buckets, so that each is about as large as a part, and a few can be sorted in memory."""
    return max(1, min(max(len(raw.files), _width(raw) * raw.rows // BUCKET_BYTES), MAX_BUCKETS))


def held_rows(raw: Manifest) -> int:
    """Give how many rows may wait to be dealt out: fewer of wide ones, so that memory does not grow with them."""
    return max(HELD_ROWS[0], min(HELD_BYTES // _width(raw), HELD_ROWS[1]))


def _width(raw: Manifest) -> int:
    """Estimate the bytes of a row in memory; files are compressed."""
    return 4 * sum(file.bytes for file in raw.files) // max(raw.rows, 1) + 1


def pieces(folder: Path) -> str:
    """Give where and how the engine writes the pieces of a part, one for each bucket."""
    return f"{literal(str(folder))} ({PIECES}, PARTITION_BY ({BUCKET}))"


def merge(raw: Manifest, connection: "duckdb.DuckDBPyConnection", directory: Path, address: str) -> list[File]:
    """Make one file of each bucket's pieces, sorted by place.

    :param directory: where the pieces of all parts lie.
    :param address: where the files go.
    :raises DataError: rows were lost or doubled on the way.
    """
    found = [sorted(directory.glob(f"*/*={bucket}/*.parquet")) for bucket in range(buckets(raw))]
    filled = [bucket for bucket in found if bucket]
    uris = [join(address, f"part-{number:05d}.parquet") for number in range(len(filled))]

    def work(bucket: tuple[str, list[Path]]) -> File:
        return _merge(raw, connection.cursor(), *bucket)

    files = run_all(list(zip(uris, filled, strict=True)), work, threads())
    rows = sum(file.rows for file in files)
    if rows != raw.rows:
        raise DataError(f"transform {raw.dataset}: {rows} of {raw.rows} rows were put into order; run it again")
    return files


def _merge(raw: Manifest, connection: "duckdb.DuckDBPyConnection", uri: str, bucket: list[Path]) -> File:
    import duckdb

    paths = ", ".join(literal(str(path)) for path in bucket)
    query = (
        f"SELECT * EXCLUDE ({PLACE}) FROM read_parquet([{paths}], hive_partitioning = false)"  # noqa: S608
        f" ORDER BY {PLACE}"
    )
    with store_for(uri).writing(uri) as written:
        try:
            with row_groups.alone_if_huge(*(row_groups.measure(connection, piece) for piece in bucket)):
                copied = connection.execute(f"COPY ({query}) TO {literal(str(written.path))} ({PARQUET})").fetchone()
        except duckdb.Error as err:
            raise engine.translate(err, f"transform {raw.dataset}, order of rows") from err
    path = "/".join(uri.rsplit("/", 2)[1:])
    for piece in bucket:
        piece.unlink()
    return File(path=path, rows=int(copied[0]) if copied else 0, bytes=written.size_bytes, sha256=written.sha256)
