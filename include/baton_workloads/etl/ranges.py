"""Cut a table into ranges of rows, each of which becomes one query, one file and one row group or more.

A range is about 64 MB of the table with its TOAST. That bounds what is on disk, not what is in memory: the engine
takes up to 2,048 rows at a time whatever their size, and a few bytes of the table may be megabytes once decompressed.
So where rows can be wide at all, the source is asked for the size of each row above 8 kB, and ranges also end before
such rows add up to more than 16 MB. All other rows are so small that 2,048 of them are no more than that.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl.column_encoding import ARRAYS, TEXT, bounded_bytes
from baton_workloads.etl.engine import identifier
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.source import Part

if TYPE_CHECKING:
    import psycopg

RANGE_BYTES = 64 << 20
WIDE_BYTES = 16 << 20
ROW_BYTES = 56 << 20  # what a stage can hold of one row: several copies of it are in memory at a time
ARRAY_BYTES = 4 << 20  # the load needs several times as much to make an array's binary form
ARRAY_FACTOR = 4  # of an array's size in memory to its size in the source
NARROW_BYTES = 8 << 10  # 2,048 rows of this size are WIDE_BYTES
DENSE_ROWS = 16  # in a page: however compressible, so many rows hardly are wide; if they are, memory ends and says so
SIZED_SINCE = 140000  # the version of PostgreSQL that tells whether a value is compressed

Place = tuple[int, int]  # page, and row within it
Wide = tuple[Place, int]  # a row's place and its bytes
FIRST: Place = (0, 0)


class LargeArraysError(Exception):
    """Arrays are so large that they have to travel in their text form."""


@dataclass(frozen=True)
class Range:
    """Rows of one part from a place on and before another; ``last`` is None at the end.

    :param whole: the part is read as it is, without places.
    :param bytes: of the wide rows in it.
    """

    relation: str
    first: Place = FIRST
    last: Place | None = None
    whole: bool = False
    bytes: int = 0

    @property
    def huge(self) -> bool:
        """Say whether it is one row, of which no two may be in memory at a time."""
        return self.bytes > WIDE_BYTES

    def condition(self) -> str:
        """Give the condition for its rows, with its WHERE."""
        if self.whole:
            return ""
        until = f" AND ctid < '({self.last[0]},{self.last[1]})'" if self.last else ""
        return f" WHERE ctid >= '({self.first[0]},{self.first[1]})'{until}"


def cut(part: Part, wide: Iterable[Wide]) -> list[Range]:
    """Cut a part at pages and between its wide rows; there is always one range at least.

    Why one without places where one is enough: a part whose pages PostgreSQL does not count (compressed chunks, shells
    of distributed tables, other access methods) holds rows all the same.

    :param wide: the wide rows, in the order of their places.
    """
    step = max(1, part.pages * RANGE_BYTES // max(part.size_bytes, 1))
    starts = list(_starts(step, part.pages, wide))
    if len(starts) == 1:
        return [Range(part.relation, whole=True, bytes=starts[0][1])]
    ends = [place for place, _ in starts[1:]] + [None]
    return [Range(part.relation, place, end, bytes=size) for (place, size), end in zip(starts, ends, strict=True)]


def _starts(step: int, pages: int, wide: Iterable[Wide]) -> Iterator[Wide]:
    """Give where each range begins, with the bytes of its wide rows."""
    start, filled, following = FIRST, 0, step
    for place, size in wide:
        while following < pages and place[0] >= following:
            yield start, filled
            start, filled, following = (following, 0), 0, following + step
        if filled and filled + size > WIDE_BYTES:
            yield start, filled
            start, filled = place, 0
        filled += size
    yield start, filled
    yield from (((page, 0), 0) for page in range(following, pages, step))


def may_be_wide(part: Part, columns: list[Column]) -> bool:
    """Say whether a row above 8 kB may be in a part, from what the catalog knows."""
    if not part.pages or not _variable(columns):
        return False
    return part.toasted or part.rows < part.pages * DENSE_ROWS


def _variable(columns: list[Column]) -> list[Column]:
    """Give the columns that are read whose values have no small limit."""
    bounds = [(c, bounded_bytes(c)) for c in columns if c.carrier != "absent"]
    open_ended = [column for column, limit in bounds if limit is None]
    limited = sum(limit for _, limit in bounds if limit is not None)
    return open_ended if limited <= NARROW_BYTES // 2 else [column for column, _ in bounds]


def wide_rows(connection: "psycopg.Connection[Any]", dataset: str, part: Part, columns: list[Column]) -> Iterator[Wide]:
    """Ask the source for the wide rows of a part, in their order.

    :raises DataError: a row that no stage can hold, by its widest column.
    :raises LargeArraysError: an array is too large for its native form.
    """
    variable = _variable(columns)
    recoded = connection.info.parameter_status("server_encoding") not in {"UTF8", "SQL_ASCII"}
    sizes = [_size(column, connection.info.server_version, recoded=recoded) for column in variable]
    query = (
        f"SELECT ctid::text AS place, {', '.join(sizes)} FROM {part.relation}"  # noqa: S608
        f" WHERE {' + '.join(sizes)} > {NARROW_BYTES} ORDER BY ctid"
    )
    large_arrays = False
    with connection.cursor() as cursor:
        for ctid, *widths in cursor.stream(query.encode()):
            if any(size > ARRAY_BYTES and native_array(c) for c, size in zip(variable, widths, strict=True)):
                large_arrays = True  # said at the end, as breaking off would end the transaction
            elif sum(widths) > ROW_BYTES:
                raise _too_wide(dataset, variable[widths.index(max(widths))], max(widths))
            page, _, row = ctid.strip("()").partition(",")
            yield (int(page), int(row)), sum(widths)
    if large_arrays:
        raise LargeArraysError


def _size(column: Column, server_version: int, *, recoded: bool) -> str:
    """Give the source's expression for about how many bytes a value takes in memory.

    The length of a text is known without reading it. That of another value is known from its stored form, unless it is
    compressed; its text is at most twice as long, except that of bits.
    """
    name = identifier(column.name)
    if column.udt in TEXT and recoded:  # to up to three times as many bytes
        return f"coalesce(octet_length(convert_to({name}, 'UTF8')), 0)::bigint"
    if column.udt in TEXT | {"bytea"}:
        return f"coalesce(octet_length({name}), 0)::bigint"
    text = f"octet_length({name}::text)"
    if server_version >= SIZED_SINCE and column.udt not in {"bit", "varbit"}:
        text = f"CASE WHEN pg_column_compression({name}) IS NULL THEN pg_column_size({name}) ELSE {text} END"
    factor = ARRAY_FACTOR if native_array(column) else 1
    return f"coalesce({factor} * ({text})::bigint, 0)"


def native_array(column: Column) -> bool:
    """Say whether a column's values are arrays that travel as such."""
    return column.carrier == "native" and column.udt in ARRAYS


def _too_wide(dataset: str, column: Column, size: int) -> DataError:
    """Give the error for a value that no stage can hold."""
    return DataError(
        f"dataset {dataset}: column {column.name} holds a value of {size >> 20} MB, in a row of more than the"
        f" {ROW_BYTES >> 20} MB that a stage can hold; give the column the rule drop or null, or name a view without"
        " such rows as the policy's source"
    )
