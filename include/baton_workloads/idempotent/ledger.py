"""The ledger's tables: made where they are missing, if the role may."""

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import ConfigurationError

if TYPE_CHECKING:
    import psycopg

LOCK = 0x6261746F, 1  # "bato", and the ledger's own number beside the warehouse's 0


def prepare(connection: "psycopg.Connection[Any]") -> bool:
    """Make the tables where they are missing; two at once take turns. Returns whether it made them.

    :raises ConfigurationError: they are missing and this role may not make them.
    """
    import psycopg

    if exists(connection):
        return False
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", LOCK)
            connection.execute(files(__package__).joinpath("ledger.sql").read_bytes())
    except psycopg.errors.InsufficientPrivilege as err:
        raise ConfigurationError(
            "the ledger of idempotent jobs is missing and this role may not make it; run"
            " `python -m baton_workloads idempotent prepare --dsn … --grant ROLE` once as the database's owner"
        ) from err
    return True


def grant(connection: "psycopg.Connection[Any]", role: str) -> None:
    """Let a role read and write the ledger."""
    from psycopg import sql

    name = sql.Identifier(role)
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA baton TO {}").format(name))
    tables = sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON baton.job_windows, baton.job_items TO {}")
    connection.execute(tables.format(name))


def exists(connection: "psycopg.Connection[Any]") -> bool:
    """Whether the ledger is there."""
    found = connection.execute("SELECT to_regclass('baton.job_items') IS NOT NULL").fetchone()
    return bool(found and found[0])
