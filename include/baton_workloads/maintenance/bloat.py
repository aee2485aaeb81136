"""How much of a B-tree index is air: measured where pgstattuple is installed, else estimated.

The estimate: the pages that the index's entries would fill at 90 %, by their number and the average width of their
columns, against the pages that it has. It knows nothing of deduplication, so an index with many equal keys seems denser
than it is; such an index is found by pgstattuple only.
Source: https://www.postgresql.org/docs/current/storage-page-layout.html and btree-implementation.html
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

PAGE_HEADER = 24 + 16  # of a page, and the B-tree's own part at its end
ENTRY = 8 + 4  # an entry's header and its pointer
FILL = 0.9  # how full a new index's pages are

# relpages and reltuples are as of the last vacuum or analyze; nothing here opens a table that may be locked.
INDEXES = """
SELECT i.oid, n.nspname, i.relname, t.oid, t.relname, i.relpages, i.reltuples::float8,
       coalesce((SELECT sum(s.avg_width) FROM pg_stats s
                  WHERE s.schemaname = n.nspname
                    AND ((s.tablename = t.relname AND s.attname IN
                          (SELECT attname FROM pg_attribute WHERE attrelid = t.oid AND attnum = ANY (x.indkey)))
                         OR s.tablename = i.relname)), 0)::float8,
       current_setting('block_size')::int,
       row_security_active(t.oid) OR 0 = ANY (x.indkey) AND NOT has_table_privilege(i.oid, 'SELECT')
       OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY (x.indkey)
                     AND NOT has_column_privilege(t.oid, a.attnum, 'SELECT'))
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class t ON t.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = i.relnamespace
  JOIN pg_am a ON a.oid = i.relam
 WHERE a.amname = 'btree' AND i.relkind = 'i' AND x.indisvalid AND x.indisready AND i.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype = 'x')
 ORDER BY i.relpages DESC, n.nspname, i.relname
"""
INVALID = """
SELECT n.nspname, i.relname, t.oid, t.relname, pg_get_userbyid(i.relowner), i.relname ~ '_cc(new|old)[0-9]*$'
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class t ON t.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = i.relnamespace
 WHERE NOT x.indisvalid AND i.relkind = 'i'
   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.relid = t.oid)
 ORDER BY 1, 2
"""
MEASURE = """
SELECT index_size::float8 / current_setting('block_size')::int, internal_pages, leaf_pages, avg_leaf_density
  FROM {}(%s::oid::regclass)
"""
EXTENSION = """
SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
  JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = 'pgstatindex' AND p.proargtypes[0] = 'regclass'::regtype
 WHERE e.extname = 'pgstattuple' AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
"""


@dataclass(frozen=True)
class Index:
    """A valid B-tree index.

    :param width: average bytes of an entry's columns; 0 where no statistics are there, or none may be read.
    :param hidden: this role may not read the statistics: they are shown to who may read the columns, all rows of them.
    """

    oid: int
    schema: str
    name: str
    table_oid: int
    table: str
    pages: int
    entries: float
    width: float
    page_bytes: int
    hidden: bool = False

    @property
    def label(self) -> str:
        """``schema.name``, for people."""
        return f"{self.schema}.{self.name}"

    @property
    def size_bytes(self) -> int:
        """As of the last vacuum."""
        return self.pages * self.page_bytes

    @property
    def estimate(self) -> float:
        """The part of it that is air, from 0 to 1; 0 where nothing is known."""
        if self.pages < 2 or self.entries < 0 or not self.width:
            return 0
        wanted_bytes = self.entries * (ENTRY + -(-self.width // 8) * 8)
        wanted_pages = wanted_bytes / ((self.page_bytes - PAGE_HEADER) * FILL) + 1
        return max(0.0, 1 - wanted_pages / self.pages)


@dataclass(frozen=True)
class Invalid:
    """An index that a kill left behind: it is written to, and of no use.

    :param leftover: of a concurrent reindex; else of a concurrent creation.
    """

    schema: str
    name: str
    table_oid: int
    table: str
    owner: str
    leftover: bool

    @property
    def remedy(self) -> str:
        """The statement for its owner."""
        from psycopg import sql

        name = sql.Identifier(self.schema, self.name).as_string()
        if self.schema == "pg_toast":  # nothing else is allowed there
            return f"DROP INDEX {name};"
        return f"DROP INDEX CONCURRENTLY {name};" if self.leftover else f"REINDEX INDEX CONCURRENTLY {name};"


def indexes(connection: "psycopg.Connection[Any]") -> list[Index]:
    """List the valid B-tree indexes of users, the largest first."""
    return [Index(*row) for row in connection.execute(INDEXES)]


def invalid_indexes(connection: "psycopg.Connection[Any]") -> list[Invalid]:
    """List the invalid indexes that nobody is building now."""
    return [Invalid(*row) for row in connection.execute(INVALID)]


def measuring_schema(connection: "psycopg.Connection[Any]") -> str | None:
    """Give the schema of pgstattuple, None where it is not installed or this role may not use it."""
    found = connection.execute(EXTENSION).fetchone()
    return str(found[0]) if found else None


def measured(connection: "psycopg.Connection[Any]", index: Index, schema: str) -> float:
    """Give the part of an index that is air, from 0 to 1, as pgstattuple finds it: it reads all of it.

    :raises psycopg.Error: it is locked.
    """
    from psycopg import sql

    name = sql.Identifier(schema, "pgstatindex")
    row = connection.execute(sql.SQL(MEASURE).format(name), (index.oid,)).fetchone()
    pages, inner, leaves, density = row or (0, 0, 0, 0)
    wanted_pages = 1 + inner + (leaves * density / 100 / FILL if density == density else 0)  # NaN: it is empty
    return max(0.0, 1 - wanted_pages / pages) if pages else 0.0
