"""The snapshot that all datasets of a run are read in."""

from datetime import UTC
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.etl import read_privileges
from baton_workloads.etl.manifest import Snapshot
from baton_workloads.etl.source import qualified

if TYPE_CHECKING:
    import psycopg


def begin(connection: "psycopg.Connection[Any]", tables: list[str]) -> tuple[Snapshot, str]:
    """Begin the coordinating transaction, in which nothing that is read can be rewritten, emptied or dropped.

    Why locks come first: a table that was rewritten between snapshot and lock would look empty to the snapshot. A
    materialised view cannot be locked by name; reading it does, at the same moment at which the snapshot is taken.

    :returns: the snapshot, and the name under which other transactions take it over.
    :raises DataError: a table does not exist, or cannot be read whole.
    :raises ConfigurationError: a right is missing.
    """
    import psycopg

    kinds = {table: read_privileges.check(connection, table) for table in tables}
    connection.commit()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    for table, kind in kinds.items():
        if kind != "m":
            _touch(connection, table, f"LOCK TABLE {qualified(table)} IN ACCESS SHARE MODE")
    for table, kind in kinds.items():
        if kind in "mv":
            _touch(connection, table, f"SELECT FROM {qualified(table)} LIMIT 0")
    return _take(connection)


def _touch(connection: "psycopg.Connection[Any]", table: str, statement: str) -> None:
    import psycopg

    try:
        connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege as err:
        raise ConfigurationError(
            f"view {table} reads something of which its owner may not read all rows (no SELECT, or row-level security);"
            " the server's log says what"
        ) from err


def _take(connection: "psycopg.Connection[Any]") -> tuple[Snapshot, str]:
    """Describe the current transaction's snapshot and export it for other readers.

    :returns: the snapshot, and the name under which other transactions take it over.
    """
    row = connection.execute(
        "SELECT pg_export_snapshot(), transaction_timestamp(), s.system_identifier::text, current_database(),"
        " c.timeline_id,"
        " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END::text"
        " FROM pg_control_system() s, pg_control_checkpoint() c"
    ).fetchone()
    if row is None:
        raise DataError("source gave no snapshot")
    exported, taken_at, system, database, timeline, lsn = row
    high, low = lsn.split("/")
    name = f"{timeline:08X}-{int(high, 16):08X}{int(low, 16):08X}"
    snapshot = Snapshot(
        id=name,
        taken_at=taken_at.astimezone(UTC),
        system_identifier=system,
        database=database,
        timeline=timeline,
        lsn=lsn,
    )
    return snapshot, exported
