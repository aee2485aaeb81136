"""Settings of a table and its columns: how it is stored, defaults, statistics targets, comments."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.warehouses.postgres.dependents.model import NewTable, Step

if TYPE_CHECKING:
    import psycopg

TABLE = """
SELECT c.relpersistence::text, am.amname, ts.spcname, c.reloptions, toast.reloptions, c.relreplident::text
  FROM pg_class c LEFT JOIN pg_am am ON am.oid = c.relam LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
  LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
 WHERE c.oid = %(oid)s
"""

COLUMNS = """
SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attstattarget, a.attoptions,
       CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END, a.attcompression::text,
       CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
       pg_get_expr(d.adbin, d.adrelid),
       a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n'
                                     AND a.attnum = ANY (k.conkey))
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''
 WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname
"""

# From PostgreSQL 18 on; earlier servers have no such rows.
NOT_NULL = """
SELECT k.conname::text, pg_get_constraintdef(k.oid), a.attname::text
  FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
 WHERE k.conrelid = %(oid)s AND k.contype = 'n' ORDER BY 1
"""

COMMENTS = """
SELECT 'TABLE', NULL, d.description FROM pg_description d
 WHERE d.classoid = 'pg_class'::regclass AND d.objoid = %(oid)s AND d.objsubid = 0
UNION ALL SELECT 'COLUMN', a.attname::text, d.description
  FROM pg_description d JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
 WHERE d.classoid = 'pg_class'::regclass AND d.objoid = %(oid)s AND NOT a.attisdropped
UNION ALL SELECT 'CONSTRAINT', k.conname::text, d.description
  FROM pg_constraint k JOIN pg_description d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = k.oid
 WHERE k.conrelid = %(oid)s
UNION ALL SELECT 'INDEX', i.indexrelid::regclass::text, d.description
  FROM pg_index i JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = i.indexrelid
 WHERE i.indrelid = %(oid)s
UNION ALL SELECT 'STATISTICS', format('%%I.%%I', n.nspname, s.stxname), d.description
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
  JOIN pg_description d ON d.classoid = 'pg_statistic_ext'::regclass AND d.objoid = s.oid
 WHERE s.stxrelid = %(oid)s
ORDER BY 1, 2
"""

# What is compared before rows arrive, so that a setting which no module here knows is refused. Left out: what is
# physical, what follows from other objects, and what is given back later.
LEFT_OUT = {
    "pg_class": "oid relname reltype relfilenode relpages reltuples relallvisible relallfrozen reltoastrelid"
    " relhasindex relhasrules relhastriggers relhassubclass relfrozenxid relminmxid relacl relowner relreplident"
    " relispartition relpartbound relnatts relchecks relrewrite",
    "pg_attribute": "attrelid attnum attlen attndims attbyval attalign attcacheoff atthasmissing attmissingval attacl"
    " attislocal attinhcount attnotnull",
}
TABLE_DIFFERENCES = """
SELECT 'setting ' || o.key FROM pg_class old, pg_class new, jsonb_each(to_jsonb(old)) o, jsonb_each(to_jsonb(new)) n
 WHERE old.oid = %(old)s AND new.oid = %(new)s AND n.key = o.key AND n.value <> o.value AND o.key <> ALL (%(out)s)
"""
COLUMN_DIFFERENCES = """
SELECT 'setting ' || o.key || ' of column ' || old.attname
  FROM pg_attribute old JOIN pg_attribute new USING (attname, atttypid, atttypmod),
       jsonb_each(to_jsonb(old)) o, jsonb_each(to_jsonb(new)) n
 WHERE old.attrelid = %(old)s AND new.attrelid = %(new)s AND old.attnum > 0 AND NOT old.attisdropped
   AND n.key = o.key AND n.value <> o.value AND o.key <> ALL (%(out)s)
"""
STORAGE = {"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}
COMPRESSION = {"p": "pglz", "l": "lz4"}


@dataclass(frozen=True)
class Settings:
    """What ``model.Dependents`` says of the table itself."""

    kind: str
    options: str
    collations: dict[str, str]
    dressing: list[Step]
    replica_identity: str


def read(connection: "psycopg.Connection[Any]", oid: int, new: NewTable, not_null: bool) -> Settings:
    """Read a table's settings.

    :param not_null: the primary key comes back, and with it that its columns are never NULL.
    """
    row = connection.execute(TABLE, {"oid": oid}).fetchone()
    persistence, method, tablespace, own, toast, identity = row or ("p", None, None, None, None, "d")
    options = f" USING {identifier(method)}" if method else ""
    options += f" TABLESPACE {identifier(tablespace)}" if tablespace else ""
    dressing = [Step(f"storage parameter {text}", f"SET ({_assigned(text)})") for text in own or []]
    dressing += [Step(f"storage parameter toast.{t}", f"SET (toast.{_assigned(t)})") for t in toast or []]
    collations: dict[str, str] = {}
    for column in connection.execute(COLUMNS, {"oid": oid}):
        _column(column, new, collations, dressing)
    dressing += [
        Step(f"constraint {name}", f"ADD CONSTRAINT {identifier(name)} {definition}")
        for name, definition, column in connection.execute(NOT_NULL, {"oid": oid})
        if column in new.types and (not_null or column not in _key_columns(connection, oid))
    ]
    kind = "UNLOGGED " if persistence == "u" else ""
    return Settings(kind, options, collations, dressing, identity)


def _key_columns(connection: "psycopg.Connection[Any]", oid: int) -> set[str]:
    return {
        row[0]
        for row in connection.execute(
            "SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
            " AND a.attnum = ANY (i.indkey) WHERE i.indrelid = %s AND i.indisprimary",
            (oid,),
        )
    }


def _assigned(option: str) -> str:
    """Give one of ``reloptions`` as SQL takes it."""
    name, _, value = option.partition("=")
    return f"{name} = {literal(value)}"


def _column(column: tuple[Any, ...], new: NewTable, collations: dict[str, str], dressing: list[Step]) -> None:
    name, sql_type, target, options, storage, compression, collation, default, not_null = column
    if name not in new.types:
        return

    def alter(what: str, how: str) -> None:
        dressing.append(Step(f"{what} of column {name}", f"ALTER COLUMN {identifier(name)} {how}"))

    if target is not None and target >= 0:
        alter("statistics target", f"SET STATISTICS {target}")
    for option in options or []:
        alter(f"option {option}", f"SET ({_assigned(option)})")
    if default is not None:
        alter("default", f"SET DEFAULT {default}")
    if not_null:
        alter("NOT NULL", "SET NOT NULL")
    if sql_type != new.types[name]:
        return  # storage and collation belong to the type
    if storage:
        alter("storage", f"SET STORAGE {STORAGE[storage]}")
    if compression:
        alter("compression", f"SET COMPRESSION {COMPRESSION[compression]}")
    if collation:
        collations[name] = collation


def comments(connection: "psycopg.Connection[Any]", oid: int, new: NewTable, *, key: bool) -> list[Step]:
    """Give what restores the comments on the table and on what belongs to it.

    :param key: the primary key comes back.
    """
    found = []
    gone = set() if key else _key_names(connection, oid)
    for kind, name, text in connection.execute(COMMENTS, {"oid": oid}):
        if (kind == "COLUMN" and name not in new.types) or (kind in {"CONSTRAINT", "INDEX"} and name in gone):
            continue
        on = {
            "TABLE": new.name,
            "COLUMN": f"{new.name}.{identifier(name or '')}",
            "CONSTRAINT": f"{identifier(name or '')} ON {new.name}",
        }.get(kind, name)
        found.append(
            Step(f"comment on {kind.lower()} {name or new.name}", f"COMMENT ON {kind} {on} IS {literal(text)}")
        )
    return found


def _key_names(connection: "psycopg.Connection[Any]", oid: int) -> set[str]:
    row = connection.execute(
        "SELECT k.conname::text, k.conindid::regclass::text FROM pg_constraint k WHERE conrelid = %s AND contype = 'p'",
        (oid,),
    ).fetchone()
    return set(row or ())


def differences(connection: "psycopg.Connection[Any]", old: int, staging: str) -> list[str]:
    """Give settings of the old table that the staging table has not, though everything known was given to it."""
    row = connection.execute("SELECT %s::regclass::oid::bigint", (staging,)).fetchone()
    new = row[0] if row else 0
    tables = {"old": old, "new": new, "out": LEFT_OUT["pg_class"].split()}
    columns = {"old": old, "new": new, "out": LEFT_OUT["pg_attribute"].split()}
    return [
        *(row[0] for row in connection.execute(TABLE_DIFFERENCES, tables)),
        *(row[0] for row in connection.execute(COLUMN_DIFFERENCES, columns)),
    ]
