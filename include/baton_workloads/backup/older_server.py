"""Restore into a server that is older than pg_restore: by way of its script, without what that server does not know.

pg_restore 17 and later begin with ``SET transaction_timeout = 0``, which PostgreSQL 16 refuses. The script is read by
psql in one transaction, which never sees its end unless pg_restore and whoever feeds it have ended well.
"""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from baton_workloads.backup import programs
from baton_workloads.backup.tools import Tool
from baton_workloads.errors import DataError

SINCE = 17
UNKNOWN = b"SET transaction_timeout = 0;\n"
HEAD_LINES = 60  # the line stands among the first twenty; a row of a table may look like it further down
BLOCK_BYTES = 1 << 20


def is_needed(tool: Tool, server: int) -> bool:
    """Say whether this pg_restore says something that a server of that major version does not know."""
    return tool.major >= SINCE > server


@contextmanager
def restoring(tool: Tool, words: list[str], database: str, env: dict[str, str], what: str) -> Iterator[IO[bytes]]:
    """Run pg_restore and psql on what is written; leaving the block well waits for their good ends.

    :param words: of pg_restore, without its target.
    :raises WorkloadError: one of them failed; the target is as it was.
    """
    psql = [
        tool.sibling("psql").path, "--no-psqlrc", "--quiet", "--no-password", "--single-transaction",
        "--set=ON_ERROR_STOP=1", f"--dbname={database}",
    ]  # fmt: skip
    with programs.writing_to(psql, env, what) as to_server:
        restore = programs.Child([tool.path, *words, "--file=-"], env, subprocess.PIPE)
        copying = _Copying(programs.pipe_of(restore.process.stdout), to_server)
        archive, broken = programs.pipe_of(restore.process.stdin), False
        copying.start()
        try:
            try:
                yield archive
                archive.close()
            except BrokenPipeError:  # who is at fault is asked below
                broken = True
            copying.join()
            if copying.failure is not None:  # psql takes no more: its words are the reason
                raise BrokenPipeError from copying.failure
            restore.refuse_failure(what)
            if broken:
                raise DataError(f"{what}: pg_restore ended before the archive did")
        finally:
            restore.end()
            copying.join()


class _Copying(threading.Thread):
    """Passes the script on. It never closes its end: that would tell psql that everything has come."""

    def __init__(self, script: IO[bytes], to_server: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._script, self._to_server = script, to_server
        self.failure: Exception | None = None

    def run(self) -> None:
        """Copy to the end, or until psql takes no more; then pg_restore is told by a closed pipe."""
        try:
            for _ in range(HEAD_LINES):
                line = self._script.readline()
                if line != UNKNOWN:
                    self._write(line)
            while block := self._script.read(BLOCK_BYTES):
                self._write(block)
        except (OSError, ValueError) as err:
            self.failure = err
            self._script.close()

    def _write(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:
            rest = rest[self._to_server.write(rest) :]
