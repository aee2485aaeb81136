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
# Pages count only where rows can be found by their place, which is how PostgreSQL's own tables store them.
PARTS = """
WITH RECURSIVE tree AS (
    SELECT %s::oid AS oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, greatest(c.reltuples, 0)::bigint,
       CASE WHEN c.relkind IN ('r', 'm') AND a.amname = 'heap'
            THEN pg_relation_size(c.oid) / current_setting('block_size')::bigint ELSE 0 END,
       pg_relation_size(c.oid), coalesce(pg_relation_size(c.reltoastrelid), 0),
       c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid),
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid)
  FROM tree JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am a ON a.oid = c.relam ORDER BY c.oid
"""

FIND = """
SELECT c.oid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relname = %s
"""


@dataclass(frozen=True)
class Part:
    """Something that holds rows and is read by itself: a table, a materialised view, or a view.

    :param relation: what a query reads FROM.
    :param rows: the planner's estimate; 0 where it has none.
    :param pages: that rows can be found by; 0 where the part can only be read whole.
    :param size_bytes: of the pages and of the values that are stored beside them.
    :param toasted: some values are stored beside the pages.
    """

    relation: str
    rows: int = 0
    pages: int = 0
    size_bytes: int = 0
    toasted: bool = False


@dataclass(frozen=True)
class Table:
    """A dataset's table: its columns (carriers are not decided yet), keys and parts.

    :param members: the oids of the table itself and of all tables below it.
    :param row_oids: those of them that hold rows.
    """

    oid: int
    columns: list[Column]
    keys: Keys
    parts: list[Part]
    members: tuple[int, ...] = ()
    row_oids: tuple[int, ...] = ()
    is_view: bool = False

    @property
    def rows(self) -> int:
        """Estimate the number of rows from the planner's statistics."""
        return sum(part.rows for part in self.parts)


def qualified(table: str) -> str:
    """Quote ``schema.table``."""
    return ".".join(identifier(part) for part in table.split(".", 1))


def find(connection: "psycopg.Connection[Any]", table: str) -> int:
    """Give a table's oid; unlike to_regclass without any right on it.

    :raises DataError: it does not exist.
    """
    found = connection.execute(FIND, table.split(".", 1)).fetchone()
    if found is None:
        raise DataError(f"table {table} does not exist in the source; check the policy's source")
    return int(found[0])


def read_table(connection: "psycopg.Connection[Any]", table: str) -> Table:
    """Read a table's shape.

    :raises DataError: it does not exist, or holds rows that no snapshot covers.
    """
    oid = find(connection, table)
    columns = [_column(*row) for row in connection.execute(COLUMNS, (oid,))]
    members = [_Member(*row) for row in connection.execute(PARTS, (oid,))]
    foreign = [member for member in members if member.kind == "f"]
    if foreign:
        raise DataError(f"table {table} includes the foreign table {foreign[0].plain}, which no snapshot covers")
    parts = [member.part() for member in members if member.kind != "p"]
    if any(not member.readable for member in members if member.oid != oid):
        # What one may read of the whole table suffices for PostgreSQL, and only the table itself shows it.
        parts = [Part(qualified(table), sum(part.rows for part in parts))]
    return Table(
        oid,
        columns,
        Keys(),
        parts,
        members=tuple(member.oid for member in members),
        row_oids=tuple(member.oid for member in members if member.kind != "p"),
        is_view=any(member.kind == "v" for member in members),
    )


@dataclass(frozen=True)
class _Member:
    oid: int
    schema: str
    name: str
    kind: str
    rows: int
    pages: int
    main_bytes: int
    toast_bytes: int
    has_heirs: bool
    readable: bool

    @property
    def plain(self) -> str:
        return f"{self.schema}.{self.name}"

    def part(self) -> Part:
        only = "ONLY " if self.has_heirs else ""  # not always: extensions answer only for a plain name
        relation = f"{only}{identifier(self.schema)}.{identifier(self.name)}"
        return Part(relation, self.rows, self.pages, self.main_bytes + self.toast_bytes, self.toast_bytes > 0)


def _column(name: str, sql_type: str, typname: str, typtype: str, oid: int) -> Column:
    udt = typname
    if typtype == "e":
        udt = "enum"
    elif oid >= FIRST_USER_OID and typname != "citext":
        udt = "other"
    return Column(name=name, type=sql_type, udt=udt, carrier="text")
