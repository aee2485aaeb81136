"""Bring one dump into a database: all of it in one transaction, or nothing."""

import time
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any

from baton_workloads.backup import older_server, programs, tools
from baton_workloads.backup.archive import read_archive
from baton_workloads.backup.manifest import DatabaseDump
from baton_workloads.backup.record import IN_CLASSES
from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.etl.database import connect
from baton_workloads.progress import say

if TYPE_CHECKING:
    import psycopg

EVERY_SECONDS = 3.0
# What another server need not have, or what would begin to work there: roles, tablespaces, subscriptions.
LEFT_OUT = ("--no-owner", "--no-acl", "--no-tablespaces", "--no-subscriptions")
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

    Owners, grants, tablespaces and subscriptions are left out.

    :param replace: first drop what the dump would make.
    :raises DataError: the dump is damaged, or the target refuses it; nothing has changed there.
    :raises ConfigurationError: no pg_restore is here that can read the dump.
    """
    what, made_by = f"restore of {part.name}", tools.major(part.pg_dump_version)
    name, server = _database(dsn), _major(dsn)
    if server < tools.major(part.server_version):
        say(f"{what}: of PostgreSQL {part.server_version} into {server}: what {server} does not know will be refused")
    tool = tools.fitting("pg_restore", least=made_by, wanted=max(made_by, server))
    words = [*LEFT_OUT, "--no-password", *(["--clean", "--if-exists"] if replace else [])]
    with _restoring(tool, words, name, server, programs.environment(dsn), what) as pipe:
        raw = read_archive(root, part.chunks, identities, Meter(what, part.raw_bytes, pipe.write).write)
        if raw != part.raw_bytes:
            raise DataError(f"{what}: {raw} bytes came out of the archive instead of {part.raw_bytes}")


def _restoring(
    tool: tools.Tool, words: list[str], database: str, server: int, env: dict[str, str], what: str
) -> AbstractContextManager[IO[bytes]]:
    if older_server.is_needed(tool, server):
        return older_server.restoring(tool, words, database, env, what)
    command = [tool.path, "--single-transaction", "--exit-on-error", *words, f"--dbname={database}"]
    return programs.writing_to(command, env, what)


def _major(dsn: str) -> int:
    with connect(dsn, "target") as connection:
        return connection.info.server_version // 10000


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
