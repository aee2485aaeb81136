"""What people have put around a warehouse table (grants, views, indexes) survives the load that replaces the table.

A load makes a new table and drops the old one. PostgreSQL ties grants, views and indexes to the old one, so they are
read before and made again in the same transaction. What cannot be made again faithfully is refused by name before
anything is changed: materialised views (their rows would silently be old), triggers, row security and constraints.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl.engine import identifier, literal

if TYPE_CHECKING:
    import psycopg

VIEWS = """
WITH RECURSIVE above AS (
    SELECT %(oid)s::oid AS oid, 0 AS depth
    UNION ALL
    SELECT r.ev_class, above.depth + 1
      FROM above JOIN pg_depend d ON d.refobjid = above.oid AND d.refclassid = 'pg_class'::regclass
                                 AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> above.oid
)
SELECT c.oid::bigint, c.oid::regclass::text, c.relkind::text, pg_get_viewdef(c.oid),
       array_to_string(c.reloptions, ', '), obj_description(c.oid, 'pg_class')
  FROM (SELECT oid, max(depth) AS depth FROM above WHERE depth > 0 GROUP BY oid) deepest
  JOIN pg_class c USING (oid) ORDER BY deepest.depth, c.oid
"""

IRREPLACEABLE = """
SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgrelid = ANY (%(oids)s::oid[]) AND NOT tgisinternal
UNION ALL SELECT 'row security policy ' || polname FROM pg_policy WHERE polrelid = ANY (%(oids)s::oid[])
UNION ALL SELECT 'row security' FROM pg_class WHERE oid = ANY (%(oids)s::oid[]) AND relrowsecurity
UNION ALL SELECT 'constraint ' || conname FROM pg_constraint
           WHERE conrelid = ANY (%(oids)s::oid[]) AND contype NOT IN ('p', 'n')
UNION ALL SELECT 'foreign key ' || conname FROM pg_constraint WHERE confrelid = ANY (%(oids)s::oid[])
"""

INDEXES = """
SELECT c.relname::text, pg_get_indexdef(i.indexrelid), i.indisunique
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = %(oid)s AND i.indisvalid
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
 ORDER BY c.relname
"""

GRANTS = """
SELECT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
       a.is_grantable, NULL
  FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = %(oid)s AND a.grantee <> c.relowner
UNION ALL
SELECT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
       a.is_grantable, quote_ident(t.attname)
  FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped, aclexplode(t.attacl) a
 WHERE c.oid = %(oid)s AND a.grantee <> c.relowner
"""


@dataclass(frozen=True)
class Index:
    """An index that somebody added; ``rest`` is its definition from USING on."""

    name: str
    unique: bool
    rest: str


@dataclass(frozen=True)
class Surroundings:
    """What has to be made again around a new table, as SQL in its order."""

    before: list[str]
    after: list[str]
    indexes: list[Index]


def read(connection: "psycopg.Connection[Any]", target: str) -> Surroundings:
    """Read what is around a table; nothing where there is no table yet.

    :param target: the quoted name of the table.
    :raises DataError: something that a new table cannot get back.
    """
    found = connection.execute("SELECT to_regclass(%s)::oid::bigint", (target,)).fetchone()
    if found is None or found[0] is None:
        return Surroundings([], [], [])
    oid = found[0]
    views = connection.execute(VIEWS, {"oid": oid}).fetchall()
    _refuse(connection, target, [oid, *(view[0] for view in views)], views)
    after = [*_owner(connection, oid, target), *_grants(connection, oid, target)]
    for view_oid, name, _, definition, options, comment in views:
        with_options = f" WITH ({options})" if options else ""
        after.append(f"CREATE VIEW {name}{with_options} AS {definition}")
        after += [*_owner(connection, view_oid, name), *_grants(connection, view_oid, name)]
        if comment is not None:
            after.append(f"COMMENT ON VIEW {name} IS {literal(comment)}")
    before = [f"DROP VIEW {view[1]}" for view in reversed(views)]
    return Surroundings(before, after, _indexes(connection, oid, target))


def _refuse(connection: "psycopg.Connection[Any]", target: str, oids: list[int], views: list[tuple[Any, ...]]) -> None:
    wrong = [f"materialised view {view[1]}" for view in views if view[2] != "v"]
    wrong += [row[0] for row in connection.execute(IRREPLACEABLE, {"oids": oids})]
    if wrong:
        raise DataError(
            f"table {target} cannot be replaced, because the new table would not get back: {', '.join(wrong)};"
            " drop it, or build it upon a copy of the table"
        )


def _owner(connection: "psycopg.Connection[Any]", oid: int, name: str) -> list[str]:
    row = connection.execute(
        "SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class"
        " WHERE oid = %s AND pg_get_userbyid(relowner) <> current_user",
        (oid,),
    ).fetchone()
    return [f"ALTER TABLE {name} OWNER TO {row[0]}"] if row else []


def _grants(connection: "psycopg.Connection[Any]", oid: int, name: str) -> list[str]:
    grants = []
    for privilege, grantee, grantable, column in connection.execute(GRANTS, {"oid": oid}):
        on = f" ({column})" if column else ""
        option = " WITH GRANT OPTION" if grantable else ""
        grants.append(f"GRANT {privilege}{on} ON {name} TO {grantee}{option}")
    return grants


def _indexes(connection: "psycopg.Connection[Any]", oid: int, target: str) -> list[Index]:
    indexes = []
    for name, definition, unique in connection.execute(INDEXES, {"oid": oid}):
        _, using, rest = definition.partition(" USING ")
        indexes.append(Index(name, unique, using + rest))
    return indexes


def make_indexes(connection: "psycopg.Connection[Any]", indexes: list[Index], staging: str, prefix: str) -> None:
    """Make indexes on the staging table, while readers still use the old one."""
    for number, index in enumerate(indexes):
        unique = "UNIQUE " if index.unique else ""
        connection.execute(f"CREATE {unique}INDEX {prefix}_{number} ON {staging}{index.rest}".encode())


def rename_indexes(connection: "psycopg.Connection[Any]", indexes: list[Index], schema: str, prefix: str) -> None:
    """Give indexes their names back, which are free once the old table is gone."""
    for number, index in enumerate(indexes):
        statement = f"ALTER INDEX {identifier(schema)}.{prefix}_{number} RENAME TO {identifier(index.name)}"
        connection.execute(statement.encode())
