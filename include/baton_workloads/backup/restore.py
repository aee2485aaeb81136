"""Bring one dump into a database: all of it in one transaction, or nothing."""

import time
from typing import TYPE_CHECKING, Any

from baton_workloads.backup import programs
from baton_workloads.backup.archive import read_archive
from baton_workloads.backup.manifest import DatabaseDump
from baton_workloads.backup.record import IN_CLASSES
from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.progress import say

if TYPE_CHECKING:
    import psycopg

EVERY_SECONDS = 3.0
OBJECTS = f"SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {IN_CLASSES}"  # noqa: S608


class Meter:
    """Passes bytes on and says now and then how far it is."""

    def __init__(self, what: str, total: int, write: Any) -> None:
        self._what, self._total, self._write = what, total, write
        self._done = 0
        self._began = self._said = time.monotonic()

    def write(self, block: bytes) -> None:
        """Pass a block on, whole."""
        rest = memoryview(block)
        while rest:
            rest = rest[self._write(rest) :]
        self._done += len(block)
        now = time.monotonic()
        if now - self._said >= EVERY_SECONDS:
            self._said = now
            speed = self._done / max(now - self._began, 1e-9)
            left = max(self._total - self._done, 0) / max(speed, 1)
            percent = min(99, 100 * self._done // max(self._total, 1))
            say(f"{self._what}: {percent} %, {speed / 2**20:.0f} MiB/s, about {left:.0f} s of reading left")


def restore_dump(root: str, part: DatabaseDump, identities: list[Any], dsn: str, *, replace: bool = False) -> None:
    """Restore a dump into a database, in one transaction.

    Owners and grants are left out: the roles of the source need not exist here.

    :param replace: first drop what the dump would make.
    :raises DataError: the dump is damaged, or the target refuses it; nothing has changed there.
    """
    command = [
        programs.program("pg_restore"), "--single-transaction", "--exit-on-error", "--no-owner", "--no-acl",
        "--no-password", *(["--clean", "--if-exists"] if replace else []),
        f"--dbname={_database(dsn)}",
    ]  # fmt: skip
    what = f"restore of {part.name}"
    with programs.writing_to(command, programs.environment(dsn), what) as pipe:
        raw = read_archive(root, part.chunks, identities, Meter(what, part.raw_bytes, pipe.write).write)
        if raw != part.raw_bytes:
            raise DataError(f"{what}: {raw} bytes came out of the archive instead of {part.raw_bytes}")


def _database(dsn: str) -> str:
    """Give the database's name: without one pg_restore would print a script instead of restoring.

    :raises ConfigurationError: the address names none; a guess could be another one than that which was looked at.
    """
    from psycopg.conninfo import conninfo_to_dict

    name = conninfo_to_dict(dsn).get("dbname")
    if not name:
        raise ConfigurationError("the target's address names no database; write postgresql://user@host/database")
    return str(name)


def object_count(connection: "psycopg.Connection[Any]") -> int:
    """Give how many tables, views and sequences of users a database holds."""
    row = connection.execute(OBJECTS.encode()).fetchone()
    return int(row[0]) if row else 0
