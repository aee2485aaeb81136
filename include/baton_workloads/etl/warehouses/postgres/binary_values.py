"""How a value of a Parquet file is written in PostgreSQL's binary COPY format.

Most types are written by the engine. Text carriers go as the bytes that the type's receive function takes, where those
are the text itself or easily made from it; all other types go through a temporary table and PostgreSQL's own input
function, which costs a second pass over the rows.
"""

import re

from baton_workloads.etl.engine import identifier
from baton_workloads.etl.manifest import Column

SAME_BYTES = {"text", "varchar", "bpchar", "json", "xml"}  # receive functions that take the text itself
MADE = {"jsonb", "numeric"}
FAST_DIGITS = 18  # what fits into 64 bits
ENGINE_DIGITS = (4, 9, FAST_DIGITS, 38)  # what fits into the engine's decimals of 16, 32, 64 and 128 bits
TEXT_ARRAYS = {"_text": "00000019", "_varchar": "00000413"}  # the element type's oid, which array_recv compares

# jsonb_send: a version byte, then the text.
#
# array_send, for one dimension: number of dimensions, has-nulls flag, element type, length, lower bound, then each
# element's length (-1 for NULL) and bytes. The engine would name varchar as the element type of every text array.
#
# numeric_send: number of base-10000 digits, weight of the first, sign, display scale, digits. Leading and trailing
# zero digits are allowed; numeric_recv strips them. The engine writes nothing before the point of its own decimals
# below one.
#
# Source: PostgreSQL, src/backend/utils/adt/{jsonb,arrayfuncs,numeric}.c.
MACROS = """
CREATE MACRO pg_jsonb(t) AS chr(1) || t;
CREATE MACRO pg_text_array_elements(l) AS array_to_string(list_transform(l, lambda e:
    CASE WHEN e IS NULL THEN 'ffffffff' ELSE printf('%08x', strlen(e)) || hex(encode(e)) END), '');
CREATE MACRO pg_text_array(l, element) AS CASE
    WHEN l IS NULL THEN NULL
    WHEN len(l) = 0 THEN unhex('0000000000000000' || element)
    ELSE unhex('00000001' || CASE WHEN list_count(l) < len(l) THEN '00000001' ELSE '00000000' END || element
               || printf('%08x', len(l)) || '00000001' || pg_text_array_elements(l)) END;
CREATE MACRO pg_numeric_groups(digits) AS array_to_string(
    list_transform(regexp_extract_all(digits, '.{4}'), lambda four: printf('%04x', four::INTEGER)), '');
CREATE MACRO pg_numeric_padded(sign, whole, fraction, scale) AS unhex(
    printf('%04x%04x', (len(whole) + len(fraction)) // 4, len(whole) // 4 - 1) || sign || printf('%04x', scale)
    || pg_numeric_groups(whole || fraction));
CREATE MACRO pg_numeric_parts(sign, whole, fraction) AS pg_numeric_padded(sign,
    lpad(whole, (greatest(len(whole) + 3, 4) // 4 * 4)::INTEGER, '0'),
    rpad(fraction, ((len(fraction) + 3) // 4 * 4)::INTEGER, '0'), len(fraction));
CREATE MACRO pg_numeric(t) AS CASE
    WHEN t IS NULL THEN NULL
    WHEN t = 'NaN' THEN unhex('00000000C0000000')
    WHEN t = 'Infinity' THEN unhex('00000000D0000000')
    WHEN t = '-Infinity' THEN unhex('00000000F0000000')
    ELSE pg_numeric_parts(CASE WHEN t[1] = '-' THEN '4000' ELSE '0000' END,
        split_part(ltrim(t, '-'), '.', 1), split_part(ltrim(t, '-'), '.', 2)) END;
"""


def needs_cast(column: Column) -> bool:
    """Say whether only PostgreSQL's input function can read the column's text."""
    return column.carrier == "text" and column.udt not in SAME_BYTES | MADE


def staging_type(column: Column) -> str:
    """Give the type that the stream is copied into."""
    return "text" if needs_cast(column) else column.type


def narrowing(columns: list[Column]) -> dict[str, str]:
    """Give, for each numeric column of more than 18 digits, the condition under which its values need no more.

    Why: the engine writes 128-bit decimals ten times slower than 64-bit ones, and few values are that large.
    """
    conditions = {}
    for column in columns:
        precision, scale = _digits(column) or (0, 0)
        if precision > FAST_DIGITS and _is_written_exactly(FAST_DIGITS, scale):
            name = identifier(column.name)
            conditions[column.name] = f"coalesce(max(abs({name})) < 1{'0' * (FAST_DIGITS - scale)}, true)"
    return conditions


def _digits(column: Column) -> tuple[int, int] | None:
    """Give precision and scale of a column that travels as one of the engine's decimals."""
    found = re.fullmatch(r"numeric\((\d+),(\d+)\)", column.type)
    return (int(found[1]), int(found[2])) if found and column.carrier == "native" else None


def _is_written_exactly(digits: int, scale: int) -> bool:
    """Say whether the engine's writer keeps every value of a decimal.

    Why not all: it fills the fraction up to groups of four digits within the decimal's own integer, and one that
    has no room for them comes out as another number, without an error (duckdb 1.5.5).
    """
    room = min(size for size in ENGINE_DIGITS if digits <= size)
    return (scale + 3) // 4 * 4 <= room


def encoded(column: Column, name: str, *, narrow: bool = False) -> str:
    """Give the engine's expression whose binary form is the column's; it may use the macros.

    :param narrow: the condition of ``narrowing`` holds.
    """
    digits = _digits(column)
    if digits:
        return _decimal(name, FAST_DIGITS if narrow else digits[0], digits[1])
    if column.carrier == "native" and column.udt in TEXT_ARRAYS:
        return f"pg_text_array({name}, '{TEXT_ARRAYS[column.udt]}')"
    if column.carrier == "text" and column.udt in MADE:
        return f"pg_{column.udt}({name})"
    return name


def _decimal(name: str, digits: int, scale: int) -> str:
    """Give a decimal of the least width from which the writer makes the same number, or else our own form."""
    for width in (digits, *(size for size in ENGINE_DIGITS if size > digits)):
        if _is_written_exactly(width, scale):
            return f"{name}::DECIMAL({width},{scale})"
    return f"pg_numeric({name}::VARCHAR)"
