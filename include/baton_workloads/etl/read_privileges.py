"""May this role read all rows of a dataset? Asked before anything is locked or read, and answered by name.

PostgreSQL would refuse most of it too, but late, or by a name that nobody knows; some it would read in part.
"""

from typing import TYPE_CHECKING, Any

from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.etl import source

if TYPE_CHECKING:
    import psycopg

KINDS = {"r", "p", "v", "m", "f"}

RIGHTS = """
SELECT c.relkind::text, quote_ident(current_user), quote_ident(n.nspname),
       quote_ident(n.nspname) || '.' || quote_ident(c.relname), has_schema_privilege(n.oid, 'USAGE'),
       has_table_privilege(c.oid, 'SELECT'), has_any_column_privilege(c.oid, 'SELECT'), row_security_active(c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s
"""

# All that is read with a relation: its heirs and partitions, and what stands behind it if it is a view.
BEHIND = """
WITH RECURSIVE behind AS (
    SELECT %s::oid AS oid
    UNION
    SELECT further.oid FROM behind CROSS JOIN LATERAL (
        SELECT i.inhrelid AS oid FROM pg_inherits i WHERE i.inhparent = behind.oid
        UNION ALL
        SELECT d.refobjid
          FROM pg_class v JOIN pg_rewrite r ON r.ev_class = v.oid
          JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                          AND d.refclassid = 'pg_class'::regclass
         WHERE v.oid = behind.oid AND v.relkind = 'v' AND d.refobjid <> v.oid) further
)
SELECT n.nspname || '.' || c.relname, c.relkind::text, c.relispopulated,
       c.relpersistence = 'u' AND pg_is_in_recovery()
  FROM behind JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 1
"""


def check(connection: "psycopg.Connection[Any]", table: str) -> str:
    """Refuse what cannot be read whole.

    :returns: the relation's kind, as in ``pg_class.relkind``.
    :raises DataError: it is no table or view, or holds rows that no snapshot covers, or none yet.
    :raises ConfigurationError: this role lacks a right; the message has the statement that gives it.
    """
    oid = source.find(connection, table)
    found = connection.execute(RIGHTS, (oid,)).fetchone()
    if found is None:
        raise DataError(f"table {table} was dropped at this moment; run the export again")
    kind, *rights = found
    if kind not in KINDS:
        raise DataError(f"{table} is no table, partitioned table, view or materialised view; check the policy's source")
    _check_rights(table, *rights)
    for name, of_kind, populated, lost in connection.execute(BEHIND, (oid,)):
        if of_kind == "f":
            raise DataError(
                f"table {table} includes the foreign table {name}, which no snapshot covers; copy its rows to a table"
            )
        if not populated:
            raise DataError(
                f"table {table} needs the materialised view {name}, which was never filled; REFRESH MATERIALIZED VIEW"
                f" {name}"
            )
        if lost:
            raise DataError(f"table {table} needs the unlogged table {name}, which a standby lacks; read the primary")
    return str(kind)


def _check_rights(
    table: str, role: str, schema: str, quoted: str, usage: bool, select: bool, columns: bool, restricted: bool
) -> None:
    if not usage:
        raise ConfigurationError(
            f"table {table}: role {role} may not use its schema; GRANT USAGE ON SCHEMA {schema} TO {role}"
        )
    if not select:
        why = " (grants on single columns do not suffice, as the export locks the table)" if columns else ""
        raise ConfigurationError(
            f"table {table}: role {role} may not read it{why}; GRANT SELECT ON TABLE {quoted} TO {role}"
        )
    if restricted:
        raise ConfigurationError(
            f"table {table}: row-level security would hide some of its rows from role {role}; ALTER ROLE {role}"
            " BYPASSRLS, or read it as another role"
        )
