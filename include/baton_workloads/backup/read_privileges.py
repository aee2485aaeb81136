"""May this role dump all of a database? Asked before anything is locked: PostgreSQL names no table that it refuses."""

from typing import TYPE_CHECKING, Any

from baton_workloads.backup.record import IN_CLASSES
from baton_workloads.errors import ConfigurationError, some

if TYPE_CHECKING:
    import psycopg

# A dump reads tables, sequences and materialised views; it refuses itself where row-level security would hide rows.
HIDDEN = f"""
SELECT format('%I.%I', n.nspname, c.relname), row_security_active(c.oid), quote_ident(current_user)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND {IN_CLASSES}
   AND (row_security_active(c.oid) OR NOT has_schema_privilege(n.oid, 'USAGE')
        OR NOT has_table_privilege(c.oid, 'SELECT'))
 ORDER BY 1
"""  # noqa: S608


def check(connection: "psycopg.Connection[Any]") -> None:
    """Refuse a role that would dump less than all.

    :raises ConfigurationError: naming what it may not read, with the statement that gives the right.
    """
    found = connection.execute(HIDDEN.encode()).fetchall()
    closed = [name for name, restricted, _ in found if not restricted]
    filtered = [name for name, restricted, _ in found if restricted]
    if closed:
        role = found[0][2]
        raise ConfigurationError(f"role {role} may not read {some(closed)}; GRANT pg_read_all_data TO {role}")
    if filtered:
        role = found[0][2]
        raise ConfigurationError(
            f"row-level security would hide rows of {some(filtered)} from role {role}; ALTER ROLE {role} BYPASSRLS"
        )
