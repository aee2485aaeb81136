"""How each type travels in files without losing anything.

``native`` where the engine's type holds every value of PostgreSQL's exactly; otherwise PostgreSQL's own ``text``
form, whose input function gives the same value back. A few native types hold values that the engine would change
silently; a guard makes the source refuse such a value by a sign of ours, and the dataset is then read again with
the columns that hold one as text.
"""

import re

from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.manifest import Column

# PostgreSQL's types that the engine holds exactly, by its own names.
NATIVE = {
    "bool": "BOOLEAN",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "uuid": "UUID",
    "bytea": "BLOB",
}
TEXT = {"text", "varchar", "bpchar"}  # text in both worlds, no cast needed
ARRAYS = {"_text", "_varchar", "_int2", "_int4", "_int8", "_bool", "_uuid"}
MAX_DIGITS = 38
# The engine counts microseconds from 1970 and PostgreSQL from 2000; the next one is the engine's infinity.
LAST_MOMENT = "294247-01-10 04:00:54.775806"
MOMENTS = {"timestamp", "timestamptz"}

# A server quotes what is no integer, whatever its language. The engine quotes the query too: there it is in parts.
_SIGN = ("baton: ", "not held")
UNHELD = "".join(_SIGN)

# Types of a small, fixed size whose text form travels.
FIXED = {"enum", "time", "timetz", "interval", "money", "oid", "name", "char", "inet", "cidr", "macaddr", "macaddr8",
         "point", "line", "lseg", "box", "circle", "pg_lsn"}  # fmt: skip
FIXED_BYTES = 128  # no value of theirs is longer, in any form
BYTES_PER_CHARACTER = 4


def carrier(column: Column) -> str:
    """Give how a column travels when nothing special is in it."""
    if column.udt in NATIVE or column.udt in ARRAYS or _is_decimal(column):
        return "native"
    return "text"


def guarded(column: Column) -> bool:
    """Say whether a native column may hold values that the engine would change."""
    return column.carrier == "native" and column.udt in ARRAYS | MOMENTS | {"numeric"}


def selection(column: Column) -> str:
    """Give the source's expression for a column that is read."""
    name = identifier(column.name)
    bad = unheld(column)
    if bad is None:
        return f"{plain(column)} AS {name}"
    sign = " || ".join(literal(part) for part in _SIGN)
    refused = f"({sign} || left({name}::text, 0))::integer::text::{column.type}"
    return f"CASE WHEN {bad} THEN {refused} ELSE {name} END AS {name}"


def plain(column: Column) -> str:
    """Give PostgreSQL's expression for a column as it is carried, whatever it holds."""
    name = identifier(column.name)
    return f"{name}::text" if column.carrier == "text" and column.udt not in TEXT else name


def unheld(column: Column) -> str | None:
    """Give PostgreSQL's condition for a value that the column's carrier would change, or None if there is none."""
    if not guarded(column):
        return None
    name = identifier(column.name)
    if column.udt == "numeric":
        return f"{name} = 'NaN'"  # the engine reads 0
    if column.udt in MOMENTS:
        return f"({name} > '{LAST_MOMENT}Z'::{column.udt} AND {name} < 'infinity')"  # the engine wraps round
    return f"(array_ndims({name}) <> 1 OR array_lower({name}, 1) <> 1)"  # the engine knows one dimension, from 1


def _is_decimal(column: Column) -> bool:
    found = re.fullmatch(r"numeric\((\d+),(-?\d+)\)", column.type)
    return found is not None and int(found[1]) <= MAX_DIGITS and 0 <= int(found[2]) <= int(found[1])


def bounded_bytes(column: Column) -> int | None:
    """Give the most bytes that a value of the column's type takes, or None where it may be of any size."""
    if column.udt in FIXED or (column.udt in NATIVE and column.udt != "bytea"):
        return FIXED_BYTES
    found = re.fullmatch(r"(?:numeric|character varying|character|bit|bit varying)\((\d+)(?:,-?\d+)?\)", column.type)
    return BYTES_PER_CHARACTER * int(found[1]) if found else None
