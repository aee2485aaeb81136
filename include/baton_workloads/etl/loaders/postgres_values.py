"""How a value of a Parquet file is written in PostgreSQL's binary COPY format.

Most types are written by the engine. Text carriers go as the bytes that the type's receive function takes; types
whose binary form is not their text go through a temporary table and PostgreSQL's own input function.
"""

from baton_workloads.etl.manifest import Column

SAME_BYTES = {"text", "varchar", "bpchar", "json", "xml"}  # receive functions that take the text itself

TEXT_ARRAYS = {"_text": 25, "_varchar": 1043}  # the element type's oid, which array_recv compares


def needs_cast(column: Column) -> bool:
    """Say whether only PostgreSQL's input function can read the column's text."""
    return column.carrier == "text" and column.udt not in SAME_BYTES | {"jsonb"}


def staging_type(column: Column) -> str:
    """Give the type that the stream is copied into."""
    return "text" if needs_cast(column) else column.type


def encoded(column: Column, name: str) -> str:
    """Give the engine's expression whose binary form is the column's."""
    if column.carrier == "native" and column.udt in TEXT_ARRAYS:
        return _text_array(name, TEXT_ARRAYS[column.udt])
    if column.udt == "jsonb":
        return f"chr(1) || {name}"  # the version byte of jsonb's binary form
    return name


def _text_array(name: str, element_oid: int) -> str:
    """Give array_send's bytes of a list of texts: the engine would always name varchar as the element type.

    Source: array_send in PostgreSQL's src/backend/utils/adt/arrayfuncs.c: dimensions, has-nulls flag, element type,
    then for the one dimension its length and lower bound, then each element's length (-1 for NULL) and bytes.
    """
    element = "CASE WHEN e IS NULL THEN 'ffffffff' ELSE printf('%08x', strlen(e)) || hex(encode(e)) END"
    elements = f"array_to_string(list_transform({name}, lambda e: {element}), '')"
    nulls = f"CASE WHEN list_count({name}) < len({name}) THEN '00000001' ELSE '00000000' END"
    head = f"'00000001' || {nulls} || '{element_oid:08x}' || printf('%08x', len({name})) || '00000001'"
    empty = f"'0000000000000000{element_oid:08x}'"
    filled = f"unhex({head} || {elements})"
    return f"CASE WHEN {name} IS NULL THEN NULL WHEN len({name}) = 0 THEN unhex({empty}) ELSE {filled} END"
