"""Dump databases: one snapshot each, in which rows are counted and from which pg_dump streams into the store."""

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from baton_workloads.backup import programs, read_privileges, record, tools
from baton_workloads.backup.archive import Archive, write_archive
from baton_workloads.backup.keys import manifest_key, recipients
from baton_workloads.backup.manifest import DatabaseDump
from baton_workloads.backup.parts import emit_part
from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.etl import database
from baton_workloads.progress import say

if TYPE_CHECKING:
    import psycopg

DSN = re.compile(r"BATON_([A-Z0-9_]+)_BACKUP_DSN")
LOCK_WAIT = "5min"

TAKEN = """
SELECT pg_export_snapshot(), transaction_timestamp(), s.system_identifier::text, current_setting('server_version'),
       current_setting('server_version_num')::int / 10000
  FROM pg_control_system() s
"""


def databases() -> dict[str, str]:
    """Give the databases to dump: each variable ``BATON_{NAME}_BACKUP_DSN`` is one, by its name in small letters.

    :raises ConfigurationError: there is none.
    """
    found = {m[1].lower().replace("_", "-"): v for n, v in os.environ.items() if (m := DSN.fullmatch(n)) and v}
    if not found:
        raise ConfigurationError("no BATON_…_BACKUP_DSN is set; add one for each database to this stage's Secret")
    return dict(sorted(found.items()))


def dump(run_key: str) -> dict[str, Any]:
    """Dump all databases, one after another.

    :returns: the stage's result, with the addresses of what it made.
    :raises WorkloadError: one failed; nothing of it is left in the store.
    """
    started = time.monotonic()
    root, to, key = required("BATON_BACKUPS_URI"), recipients(), manifest_key()
    made = [_dump_one(name, dsn, root, run_key, to, key) for name, dsn in databases().items()]
    return {
        "stage": "dump",
        "parts": [emit_part(root, run_key, part) for part in made],
        "rows": sum(part.record.rows for part in made),
        "raw_bytes": sum(part.raw_bytes for part in made),
        "stored_bytes": sum(part.stored_bytes for part in made),
        "seconds": round(time.monotonic() - started, 3),
    }


def _dump_one(name: str, dsn: str, root: str, run_key: str, to: list[str], key: bytes) -> DatabaseDump:
    with database.connect(dsn, name) as connection, database.named_errors(name), _snapshot(connection) as taken:
        exported, taken_at, system, server, major = taken
        tool = tools.fitting("pg_dump", least=major, wanted=major)
        command = [
            tool.path, "--format=custom", "--compress=0", "--no-password",
            f"--snapshot={exported}", f"--lock-wait-timeout={LOCK_WAIT}",
        ]  # fmt: skip
        before = record.sequences(connection)
        began = time.monotonic()
        with programs.reading_from(command, programs.environment(dsn), f"pg_dump of {name}") as output:
            path = f"data/{run_key}/{name}-{secrets.token_hex(4)}/{name}.dump.zst.age"
            archive = write_archive(root, path, output, to)
        _say_speed(name, archive, time.monotonic() - began)
        found = record.take(connection, key, f"count rows of {name}").model_copy(update={"sequences": before})
    return DatabaseDump(
        name=name, server_version=server, pg_dump_version=tool.version, snapshot_at=taken_at.astimezone(UTC),
        system_identifier=system, record=found, chunks=archive.chunks, raw_bytes=archive.raw_bytes, recipients=to,
    )  # fmt: skip


def _say_speed(name: str, archive: Archive, seconds: float) -> None:
    raw, stored = archive.raw_bytes / 2**20, archive.stored_bytes / 2**20
    say(f"{name}: {raw:.0f} MiB dumped, {stored:.0f} MiB stored, {raw / max(seconds, 1e-3):.0f} MiB/s")


@contextmanager
def _snapshot(connection: "psycopg.Connection[Any]") -> Iterator[tuple[str, datetime, str, str, int]]:
    """Hold a snapshot, and locks that keep its tables from being rewritten or dropped while they are read.

    Why locks come first: a table that was rewritten between snapshot and lock would look empty to the snapshot.
    """
    import psycopg

    connection.commit()
    read_privileges.check(connection)
    names = [name for _, name, _, _ in record.tables(connection)]
    connection.commit()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    if names:
        connection.execute(f"LOCK TABLE ONLY {', ONLY '.join(names)} IN ACCESS SHARE MODE".encode())
    row = connection.execute(TAKEN.encode()).fetchone()
    if row is None:
        raise DataError("the server gave no snapshot")
    yield row
