"""The source's catalog: what a dataset's table looks like, read inside the snapshot that its rows are read in."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl.engine import identifier
from baton_workloads.etl.manifest import Column, Keys

if TYPE_CHECKING:
    import psycopg

FIRST_USER_OID = 16384  # below it: types that every PostgreSQL has

COLUMNS = """
WITH RECURSIVE base AS (
    SELECT a.attnum, a.attname, a.atttypid AS oid, a.atttypmod AS typmod
      FROM pg_attribute a WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, b.attname, t.typbasetype, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.typmod END
      FROM base b JOIN pg_type t ON t.oid = b.oid AND t.typtype = 'd'
)
SELECT b.attname, format_type(t.oid, b.typmod), t.typname, t.typtype::text, t.oid::bigint
  FROM base b JOIN pg_type t ON t.oid = b.oid AND t.typtype <> 'd' ORDER BY b.attnum
"""

# A partitioned table and its parts, or a table with inheritance: only the parts hold rows, each is read by itself.
PARTS = """
WITH RECURSIVE tree AS (
    SELECT %s::oid AS oid UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text, greatest(c.reltuples, 0)::bigint,
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) / current_setting('block_size')::bigint ELSE 0 END
  FROM tree JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY c.oid
"""


@dataclass(frozen=True)
class Part:
    """Something that holds rows: a table, a materialised view, or a view."""

    name: str
    kind: str
    rows: int
    pages: int


@dataclass(frozen=True)
class Table:
    """A dataset's table: its columns (carriers are not decided yet), keys and parts."""

    oid: int
    columns: list[Column]
    keys: Keys
    parts: list[Part]

    @property
    def rows(self) -> int:
        """Estimate the number of rows from the planner's statistics."""
        return sum(part.rows for part in self.parts)


def qualified(table: str) -> str:
    """Quote ``schema.table``."""
    return ".".join(identifier(part) for part in table.split(".", 1))


def read_table(connection: "psycopg.Connection[Any]", table: str) -> Table:
    """Read a table's shape.

    :raises DataError: it does not exist, or holds rows that no snapshot covers.
    """
    found = connection.execute("SELECT to_regclass(%s)::oid::bigint", (qualified(table),)).fetchone()
    if found is None or found[0] is None:
        raise DataError(f"table {table} does not exist in the source; check the policy's source")
    oid = found[0]
    columns = [_column(*row) for row in connection.execute(COLUMNS, (oid,))]
    parts = []
    for _, schema, name, kind, rows, pages in connection.execute(PARTS, (oid,)):
        if kind == "f":
            raise DataError(f"table {table} includes the foreign table {schema}.{name}, which no snapshot covers")
        if kind != "p":
            parts.append(Part(f"{identifier(schema)}.{identifier(name)}", kind, rows, pages))
    return Table(oid, columns, Keys(), parts)


def _column(name: str, sql_type: str, typname: str, typtype: str, oid: int) -> Column:
    udt = typname
    if typtype == "e":
        udt = "enum"
    elif oid >= FIRST_USER_OID and typname != "citext":
        udt = "other"
    return Column(name=name, type=sql_type, udt=udt, carrier="text")
