"""Views on a table, and views on those."""

from typing import TYPE_CHECKING, Any

from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.warehouses.postgres.dependents import privileges
from baton_workloads.etl.warehouses.postgres.dependents.model import Step

if TYPE_CHECKING:
    import psycopg

VIEWS = """
WITH RECURSIVE above AS (
    SELECT %(oid)s::oid AS oid, 0 AS depth
    UNION ALL
    SELECT r.ev_class, above.depth + 1
      FROM above JOIN pg_depend d ON d.refobjid = above.oid AND d.refclassid = 'pg_class'::regclass
                                 AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> above.oid AND r.rulename = '_RETURN'
)
SELECT c.oid::bigint, c.oid::regclass::text, pg_get_viewdef(c.oid), c.reloptions
  FROM (SELECT oid, max(depth) AS depth FROM above WHERE depth > 0 GROUP BY oid) deepest
  JOIN pg_class c USING (oid) ORDER BY deepest.depth, c.oid::regclass::text
"""

DEFAULTS = """
SELECT a.attname::text, pg_get_expr(d.adbin, d.adrelid)
  FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
 WHERE d.adrelid = %(oid)s ORDER BY 1
"""

COMMENTS = """
SELECT a.attname::text, d.description
  FROM pg_description d LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
 WHERE d.classoid = 'pg_class'::regclass AND d.objoid = %(oid)s ORDER BY 1 NULLS FIRST
"""

View = tuple[int, str, str, list[str] | None]


def read(connection: "psycopg.Connection[Any]", oid: int) -> list[View]:
    """Give the views (materialised ones, too) that stand on a table, those below first."""
    return connection.execute(VIEWS, {"oid": oid}).fetchall()


def steps(connection: "psycopg.Connection[Any]", view: View) -> list[Step]:
    """Give what makes a view again, with its options, owner, grants, defaults and comments."""
    oid, name, definition, options = view
    what = f"view {name}"
    # An option's value may be any text: check_option=local, security_barrier=true.
    settings = ", ".join(f"{key} = {literal(value)}" for key, _, value in (o.partition("=") for o in options or []))
    with_options = f" WITH ({settings})" if settings else ""
    found = [Step(what, f"CREATE VIEW {name}{with_options} AS {definition}")]
    for column, default in connection.execute(DEFAULTS, {"oid": oid}):
        found.append(Step(what, f"ALTER VIEW {name} ALTER COLUMN {identifier(column)} SET DEFAULT {default}"))
    found += privileges.steps(connection, oid, name, what)
    for column, text in connection.execute(COMMENTS, {"oid": oid}):
        on = f"COLUMN {name}.{identifier(column)}" if column else f"VIEW {name}"
        found.append(Step(f"comment on {what}", f"COMMENT ON {on} IS {literal(text)}"))
    return found
