"""May this role make what a load makes? Asked before it does, and answered with the statement that gives the right."""

from typing import TYPE_CHECKING, Any

from baton_workloads.errors import ConfigurationError
from baton_workloads.etl.engine import identifier

if TYPE_CHECKING:
    import psycopg

ASKED = """
SELECT quote_ident(current_user), quote_ident(current_database()),
       (SELECT has_schema_privilege(oid, 'CREATE') AND has_schema_privilege(oid, 'USAGE') FROM pg_namespace
         WHERE nspname = %s),
       has_database_privilege(current_database(), 'CREATE'), has_database_privilege(current_database(), 'TEMP')
"""


def ensure_schema(connection: "psycopg.Connection[Any]", schema: str) -> None:
    """Make a schema where it is missing.

    :raises ConfigurationError: the role may not make it, or make tables in it.
    """
    role, database, may_use, may_create, _ = _asked(connection, schema)
    if may_use is None and may_create:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}".encode())
    elif may_use is None:
        raise ConfigurationError(
            f"warehouse: role {role} may not make the schema {schema}; GRANT CREATE ON DATABASE {database} TO {role}"
        )
    elif not may_use:
        raise ConfigurationError(
            f"warehouse: role {role} may make no table in the schema {schema}; GRANT USAGE, CREATE ON SCHEMA"
            f" {identifier(schema)} TO {role}"
        )


def ensure_temporary(connection: "psycopg.Connection[Any]") -> None:
    """Refuse a role that may not make the temporary table through which some types are loaded.

    :raises ConfigurationError: it may not.
    """
    role, database, _, _, may_temp = _asked(connection, "")
    if not may_temp:
        raise ConfigurationError(
            f"warehouse: role {role} may make no temporary table; GRANT TEMPORARY ON DATABASE {database} TO {role}"
        )


def _asked(connection: "psycopg.Connection[Any]", schema: str) -> tuple[Any, ...]:
    return connection.execute(ASKED, (schema,)).fetchone() or ("", "", None, False, False)
