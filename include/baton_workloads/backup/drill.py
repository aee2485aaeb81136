"""The proof: restore a backup's databases into a scratch server and compare them with what was recorded in the dump."""

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from baton_workloads.backup import manifest, record
from baton_workloads.backup.keys import identities, manifest_key
from baton_workloads.backup.manifest import DatabaseDump, Proof
from baton_workloads.backup.record import Record
from baton_workloads.backup.restore import restore_dump
from baton_workloads.backup.verify import opened
from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError, DataError, TransientError
from baton_workloads.etl import database
from baton_workloads.progress import say

if TYPE_CHECKING:
    import psycopg

PREFIX = "baton_drill_"
DROP_TRIES = 5
OWN_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = current_user
   AND backend_type = 'client backend'
"""
LOCK = "SELECT pg_try_advisory_lock(hashtextextended('baton restore drill', 0))"


def drill(name: str, digest: str = "", not_before: datetime | None = None) -> dict[str, Any]:
    """Restore, compare, and write the proof.

    :returns: the stage's result with rows and checksums table by table.
    :raises DataError: what came back is not what was recorded; there is no proof.
    """
    started = time.monotonic()
    root, key, keys = required("BATON_BACKUPS_URI"), manifest_key(), identities()
    found = opened(root, name, digest, not_before)
    compared = {}
    scratch = required("BATON_SCRATCH_DSN")
    with scratch_server(scratch) as server:
        version = server.info.parameter_status("server_version") or ""
        for part in found.databases:
            restored = _restored(server, scratch, root, part, keys, key)
            _refuse_differences(part, restored)
            compared[part.name] = _comparison(part.record, restored)
    proof = Proof(
        name=name, digest=manifest.digest(found), proven_at=datetime.now(UTC), server_version=version,
        tables=sum(len(tables) for tables in compared.values()), rows=sum(p.record.rows for p in found.databases),
        seconds=round(time.monotonic() - started, 3),
    )  # fmt: skip
    manifest.write(root, proof, key)
    result = proof.model_dump(
        mode="json", include={"digest", "proven_at", "server_version", "tables", "rows", "seconds"}
    )
    return {"stage": "restore_drill", "backup": name, **result, "compared": compared}


@contextmanager
def scratch_server(dsn: str) -> Iterator["psycopg.Connection[Any]"]:
    """Connect to the scratch server, alone, and drop what killed drills left there.

    :raises TransientError: another drill is at work.
    """
    with database.connect(dsn, "scratch") as connection, database.named_errors("scratch"):
        connection.autocommit = True
        row = connection.execute(LOCK.encode()).fetchone()
        if row is None or not row[0]:
            raise TransientError("another restore drill is at work on this scratch server; try again when it has ended")
        left = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (PREFIX,))
        for (name,) in left.fetchall():
            say(f"dropping {name}, which a killed drill left")
            _drop(connection, name)
        yield connection


def _drop(connection: "psycopg.Connection[Any]", name: str) -> None:
    """Drop a scratch database and end our own sessions in it.

    Why not WITH (FORCE): it refuses to end an autovacuum worker unless a superuser asks; the plain form ends it.
    """
    from psycopg import errors, sql

    for left in reversed(range(DROP_TRIES)):
        connection.execute(OWN_SESSIONS.encode(), (name,))
        try:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
            return
        except errors.ObjectInUse:  # the server has waited 5 s already
            if not left:
                raise


@contextmanager
def scratch_database(server: "psycopg.Connection[Any]", dsn: str, what: str) -> Iterator[str]:
    """Make a database, give its address, and drop it.

    :param dsn: of the server.
    :raises ConfigurationError: the role may not make one.
    """
    from psycopg import errors, sql
    from psycopg.conninfo import make_conninfo

    name = f"{PREFIX}{re.sub('[^a-z0-9]', '_', what)}_{secrets.token_hex(4)}"
    try:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name)))
    except errors.InsufficientPrivilege as err:
        role = server.info.user
        raise ConfigurationError(
            f"role {role} may make no database on the drill's server; ALTER ROLE {role} CREATEDB"
        ) from err
    try:
        yield make_conninfo(dsn, dbname=name)
    finally:
        _drop(server, name)


def _restored(
    server: "psycopg.Connection[Any]", dsn: str, root: str, part: DatabaseDump, keys: list[Any], key: bytes
) -> Record:
    with scratch_database(server, dsn, part.name) as own:
        restore_dump(root, part, keys, own)
        with database.connect(own, "scratch") as connection, database.named_errors("scratch"):
            return record.take(connection, key, f"compare rows of {part.name}")


def _refuse_differences(part: DatabaseDump, restored: Record) -> None:
    found = record.differences(part.record, restored)
    if found:
        more = f" and {len(found) - 5} more differences" if len(found) > 5 else ""
        raise DataError(
            f"the restore of {part.name} is not what was dumped: {'; '.join(found[:5])}{more}. The backup is not"
            " proven, nothing is pruned: keep the older ones and back up again"
        )


def _comparison(recorded: Record, restored: Record) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "rows": table.rows,
            "restored_rows": restored.tables[name].rows,
            "checksum": table.checksum,
            "same": table == restored.tables[name],
        }
        for name, table in recorded.tables.items()
    }
