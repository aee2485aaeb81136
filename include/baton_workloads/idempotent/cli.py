"""The command line around the ledger of idempotent jobs."""

import click

from baton_workloads import result


@click.group()
def idempotent() -> None:
    """The ledger of idempotent jobs."""


@idempotent.command("prepare")
@click.option(
    "--dsn", envvar="BATON_LEDGER_OWNER_DSN", required=True, help="Database, as a role that may create a schema."
)
@click.option("--grant", "roles", multiple=True, metavar="ROLE", help="Let this role use the ledger; may be repeated.")
def prepare_command(dsn: str, roles: tuple[str, ...]) -> None:
    """Make the ledger's tables (schema baton) where they are missing."""
    from baton_workloads.etl.database import connect
    from baton_workloads.idempotent import ledger

    with connect(dsn, "job's") as connection:
        made = ledger.prepare(connection)
        for role in roles:
            ledger.grant(connection, role)
        connection.commit()
    result.emit({"job": "idempotent prepare", "outcome": "made" if made else "already_there", "granted": list(roles)})
