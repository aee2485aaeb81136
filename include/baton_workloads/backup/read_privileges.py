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

# No predefined role may read them. Privileges are asked for as their functions are of PostgreSQL 18 only.
LARGE_OBJECTS = """
SELECT m.oid::text, quote_ident(current_user) FROM pg_largeobject_metadata m
 WHERE NOT pg_has_role(m.lomowner, 'USAGE') AND current_setting('lo_compat_privileges') = 'off' AND NOT EXISTS (
       SELECT FROM aclexplode(m.lomacl) g
        WHERE g.privilege_type = 'SELECT' AND (g.grantee = 0 OR pg_has_role(g.grantee, 'USAGE')))
 ORDER BY m.oid
"""


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
    large = connection.execute(LARGE_OBJECTS).fetchall()
    if large:
        role = large[0][1]
        raise ConfigurationError(
            f"role {role} may not read {len(large)} large objects ({some([oid for oid, _ in large])});"
            f" GRANT SELECT ON LARGE OBJECT {large[0][0]} TO {role}, and so on, or make it a member of their owner"
        )
    if filtered:
        role = found[0][2]
        raise ConfigurationError(
            f"row-level security would hide rows of {some(filtered)} from role {role}; ALTER ROLE {role} BYPASSRLS"
        )
