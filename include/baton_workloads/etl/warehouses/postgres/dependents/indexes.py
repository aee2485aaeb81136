"""Indexes, the primary key and extended statistics of a table."""

from typing import TYPE_CHECKING, Any

from baton_workloads.etl.warehouses.postgres.dependents.model import Index, NewTable, Statistics
from baton_workloads.etl.warehouses.postgres.dependents.refusal import refuse

if TYPE_CHECKING:
    import psycopg

# The definition is cut at its beginning, which names the index and the table; both may hold any word.
INDEXES = """
SELECT c.relname::text, i.indisunique, coalesce(ts.spcname::text, ''), pg_get_indexdef(i.indexrelid),
       format('CREATE %%sINDEX %%I ON %%I.%%I ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, c.relname, n.nspname,
              t.relname),
       ARRAY(SELECT a.attnum || '=' || a.attstattarget FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attstattarget >= 0 ORDER BY a.attnum)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
 WHERE i.indrelid = %(oid)s AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid
                                                                      AND k.contype IN ('p', 'u', 'x'))
 ORDER BY c.relname
"""

KEY = """
SELECT k.conname::text, pg_get_constraintdef(k.oid), coalesce(ts.spcname::text, ''),
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(attnum, place)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY u.place)
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conindid LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
 WHERE k.conrelid = %(oid)s AND k.contype = 'p'
"""

STATISTICS = """
SELECT n.nspname::text, s.stxname::text, pg_get_statisticsobjdef(s.oid),
       format('CREATE STATISTICS %%I.%%I ', n.nspname, s.stxname), ' FROM ' || s.stxrelid::regclass, s.stxstattarget,
       CASE WHEN pg_get_userbyid(s.stxowner) <> current_user THEN quote_ident(pg_get_userbyid(s.stxowner)) ELSE '' END
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE s.stxrelid = %(oid)s ORDER BY 1, 2
"""


def read(connection: "psycopg.Connection[Any]", oid: int) -> list[Index]:
    """Read the indexes that belong to no constraint. One that was left invalid is built anew."""
    found = []
    for name, unique, tablespace, definition, beginning, targets in connection.execute(INDEXES, {"oid": oid}):
        pairs = (target.split("=") for target in targets)
        numbers = tuple((int(number), int(target)) for number, target in pairs)
        found.append(Index(name, definition.removeprefix(beginning), unique, False, tablespace, numbers))
    return found


def primary_key(connection: "psycopg.Connection[Any]", oid: int, new: NewTable) -> tuple[list[Index], list[str]]:
    """Read the primary key where it comes back.

    :returns: the key, and in words what a changed policy ends.
    :raises DataError: it would be lost.
    """
    row = connection.execute(KEY, {"oid": oid}).fetchone()
    if row is None:
        return [], []
    name, definition, tablespace, columns = row
    said = f"primary key {name} ({', '.join(columns)})"
    if not new.keeping.issuperset(columns):
        if new.same_policy:
            refuse(new, [f"{said}, whose columns hold no unique values by the policy"])
        return [], [said]
    if new.key and set(new.key) != set(columns):
        refuse(new, [f"{said}, as the source's key is ({', '.join(new.key)})"])
    return [Index(name, definition, True, True, tablespace)], []


def statistics(connection: "psycopg.Connection[Any]", oid: int) -> list[Statistics]:
    """Read the extended statistics objects."""
    found = []
    for schema, name, definition, beginning, end, target, owner in connection.execute(STATISTICS, {"oid": oid}):
        wanted = target if target is not None and target >= 0 else None
        found.append(Statistics(schema, name, definition.removeprefix(beginning).removesuffix(end), wanted, owner))
    return found
