"""What a database held in one snapshot: rows and a checksum for each table, its shape, sequences and counts.

It is taken in the snapshot that the dump is made from, and again from what was restored. The checksum is the sum of a
64-bit hash of each row's text: the order of rows does not matter, a lost, doubled or changed row does. What the
manifest shows of it is keyed, because the bare sum of a small table tells who guesses its row that it was right.

Not compared: rows of materialised views (a restore makes them anew) and of foreign tables (a dump has none).
"""

import hashlib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from baton_workloads.backup.keys import mac
from baton_workloads.progress import Progress

if TYPE_CHECKING:
    import psycopg

OWN = """
    n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = {oid} AND d.classid = '{catalog}'::regclass
                    AND d.deptype = 'e')"""
IN_CLASSES = OWN.format(oid="c.oid", catalog="pg_class")

TABLES = f"""
SELECT c.oid::bigint, format('%I.%I', n.nspname, c.relname), c.relkind::text, greatest(c.reltuples, 0)::bigint
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {IN_CLASSES} ORDER BY 2
"""  # noqa: S608

# Names and types only: how an expression is written out differs between PostgreSQL's versions. Columns of an index are
# named by the table: the index itself keeps the old name of one that was renamed. Invalid indexes are not dumped.
SHAPE = """
SELECT 'column', a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
  FROM pg_attribute a WHERE a.attrelid = %(oid)s::oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'constraint', conname || ' ' || contype::text FROM pg_constraint WHERE conrelid = %(oid)s::oid AND contype IN
       ('c', 'f', 'p', 'u', 'x') AND conparentid = 0
UNION ALL
SELECT 'index', i.relname || ' ' || x.indisunique || ' ' ||
       (SELECT coalesce(string_agg(coalesce(t.attname, a.attname), ',' ORDER BY a.attnum), '')
          FROM pg_attribute a LEFT JOIN pg_attribute t ON t.attrelid = x.indrelid AND t.attnum = x.indkey[a.attnum - 1]
               AND t.attnum <> 0 WHERE a.attrelid = i.oid)
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = %(oid)s::oid
   AND (x.indisvalid OR i.relkind = 'I')
UNION ALL
SELECT 'trigger', tgname FROM pg_trigger WHERE tgrelid = %(oid)s::oid AND NOT tgisinternal
UNION ALL
SELECT 'policy', polname FROM pg_policy WHERE polrelid = %(oid)s::oid
"""

# A dump makes an inherited table's columns in its parent's order, whatever their order was.
OF_INHERITED = """
SELECT string_agg(format('baton_row.%%I', a.attname), ', ' ORDER BY a.attname)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE a.attrelid = %(oid)s::oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT c.relispartition
   AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
"""

SEQUENCES = f"""
SELECT format('%I.%I', n.nspname, c.relname), s.seqincrement,
       pg_sequence_last_value(c.oid::regclass)
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {IN_CLASSES}
"""  # noqa: S608

COUNTS = f"""
SELECT CASE c.relkind WHEN 'v' THEN 'views' ELSE 'materialised views' END, count(*)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm') AND {IN_CLASSES} GROUP BY 1
UNION ALL
SELECT 'functions', count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE {OWN.format(oid="p.oid", catalog="pg_proc")}
UNION ALL
SELECT 'types', count(*) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE t.typtype IN ('e', 'd', 'r') AND {OWN.format(oid="t.oid", catalog="pg_type")}
UNION ALL
SELECT 'large objects', count(*) FROM pg_largeobject_metadata
"""  # noqa: S608


class TableRecord(BaseModel):
    """One table.

    :param rows: its own, without those of its partitions.
    :param checksum: of all rows, keyed.
    :param shape: digest of columns, constraints, indexes, triggers and policies by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    checksum: str
    shape: str


class Record(BaseModel):
    """What a database held.

    :param sequences: name → last value; None where none was drawn.
    :param counts: kind → how many, of what is not compared one by one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: dict[str, TableRecord]
    sequences: dict[str, int | None]
    counts: dict[str, int]

    @property
    def rows(self) -> int:
        """Give the rows of all tables."""
        return sum(table.rows for table in self.tables.values())


def tables(connection: "psycopg.Connection[Any]") -> list[tuple[int, str, str, int]]:
    """List the tables that a dump has rows of: oid, quoted name, kind, estimated rows."""
    return connection.execute(TABLES.encode()).fetchall()


def take(connection: "psycopg.Connection[Any]", key: bytes, what: str) -> Record:
    """Read everything once; the connection's transaction decides what is seen.

    :param what: for the lines of progress.
    """
    found = tables(connection)
    progress = Progress(what, sum(rows for *_, rows in found))
    records = {}
    for oid, name, kind, _ in found:
        rows, total = _content(connection, oid, name) if kind == "r" else (0, "0")
        shape = "\n".join(sorted(f"{part} {text}" for part, text in connection.execute(SHAPE, {"oid": oid})))
        records[name] = TableRecord(
            rows=rows,
            checksum=mac(key, f"table {name}", f"{rows} {total}".encode())[:32],
            shape=hashlib.sha256(shape.encode()).hexdigest()[:32],
        )
        progress.add(rows)
    return Record(tables=records, sequences=sequences(connection), counts=_counts(connection))


def _content(connection: "psycopg.Connection[Any]", oid: int, name: str) -> tuple[int, str]:
    found = connection.execute(OF_INHERITED, {"oid": oid}).fetchone()
    columns = f"ROW({found[0]})" if found and found[0] else "(baton_row.*)"  # a column may be called baton_row too
    query = f"SELECT count(*), coalesce(sum(hashtextextended({columns}::text, 0)), 0)::text FROM ONLY {name} baton_row"  # noqa: S608
    row = connection.execute(query.encode()).fetchone()
    return (int(row[0]), str(row[1])) if row else (0, "0")


def sequences(connection: "psycopg.Connection[Any]") -> dict[str, int | None]:
    """Give the last value of each sequence that counts upwards. A sequence knows no snapshots: take this first."""
    return {name: last for name, step, last in connection.execute(SEQUENCES.encode()) if step > 0}


def _counts(connection: "psycopg.Connection[Any]") -> dict[str, int]:
    return {kind: count for kind, count in connection.execute(COUNTS.encode()) if count}


def only_what_is_in(recorded: Record, found: Record) -> Record:
    """Leave out what a database holds besides: it was there before the restore."""
    return Record(
        tables={name: table for name, table in found.tables.items() if name in recorded.tables},
        sequences=found.sequences,
        counts={kind: min(count, recorded.counts.get(kind, 0)) for kind, count in found.counts.items()},
    )


def differences(recorded: Record, restored: Record) -> list[str]:
    """Compare what was dumped with what came back; nothing when they are the same.

    :returns: one sentence for each difference, with names and numbers of rows and never a value.
    """
    found = [f"table {name} is missing" for name in recorded.tables if name not in restored.tables]
    found += [f"table {name} is there but was not recorded" for name in restored.tables if name not in recorded.tables]
    for name, before in recorded.tables.items():
        after = restored.tables.get(name)
        if after is not None:
            found += _table_differences(name, before, after)
    for name, value in recorded.sequences.items():
        if name not in restored.sequences:
            found.append(f"sequence {name} is missing")
        elif (restored.sequences[name] or 0) < (value or 0):
            found.append(f"sequence {name} is behind: it would draw numbers that are taken")
    for kind in sorted({*recorded.counts, *restored.counts}):
        before_count, after_count = recorded.counts.get(kind, 0), restored.counts.get(kind, 0)
        if before_count != after_count:
            found.append(f"{after_count} {kind} instead of {before_count}")
    return found


def _table_differences(name: str, before: TableRecord, after: TableRecord) -> list[str]:
    if before.rows != after.rows:
        return [f"table {name} has {after.rows} rows instead of {before.rows}"]
    found = []
    if before.checksum != after.checksum:
        found.append(f"table {name} has as many rows as before ({after.rows}), but not the same ones")
    if before.shape != after.shape:
        found.append(f"table {name} lacks a column, constraint, index, trigger or policy, or has another one")
    return found
