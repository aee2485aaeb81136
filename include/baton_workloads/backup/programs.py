"""PostgreSQL's own tools as children: addresses by environment, output as a stream, errors without any value."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from baton_workloads.errors import ConfigurationError, DataError, TransientError, WorkloadError

PIPE_BYTES = 1 << 20
SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ; the fcntl module knows it from Python 3.10 on Linux only

# libpq's variables. Source: PostgreSQL, "Environment Variables" of libpq.
VARIABLES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER",
    "password": "PGPASSWORD", "passfile": "PGPASSFILE", "sslmode": "PGSSLMODE", "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY", "sslrootcert": "PGSSLROOTCERT", "sslcrl": "PGSSLCRL", "options": "PGOPTIONS",
    "connect_timeout": "PGCONNECT_TIMEOUT", "channel_binding": "PGCHANNELBINDING", "gssencmode": "PGGSSENCMODE",
    "target_session_attrs": "PGTARGETSESSIONATTRS", "service": "PGSERVICE", "application_name": "PGAPPNAME",
}  # fmt: skip

# What another try may mend: connections, locks, space, a server that ends.
TRANSIENT = re.compile(
    r"connection|timeout|timed out|could not obtain lock|too many clients|shutting down|starting up|No space left"
    r"|deadlock|out of memory|recovery"
)
ERROR_LINE = re.compile(r"(?:pg_\w+|psql): (?:error|fatal|detail): |ERROR: |FATAL: ")
VALUE = re.compile(r"(: \").*(\"?)$")


def environment(dsn: str) -> dict[str, str]:
    """Give a child's environment for a database address: arguments are seen by everyone on a machine.

    :raises ConfigurationError: it is no address, or has a parameter that libpq takes from no variable.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(dsn)
    except ProgrammingError as err:
        raise ConfigurationError("a DSN is no PostgreSQL address; write postgresql://user@host/database") from err
    unknown = sorted(set(parts) - set(VARIABLES))
    if unknown:
        raise ConfigurationError(f"parameter {', '.join(unknown)} of a DSN is not supported here; leave it out")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "BATON_", "AWS_"))}
    return kept | {VARIABLES[name]: str(value) for name, value in parts.items()}


def program(name: str) -> str:
    """Find one of PostgreSQL's tools.

    :raises ConfigurationError: it is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise ConfigurationError(
            f"{name} is not on PATH; install PostgreSQL's client tools (Debian: apt-get install postgresql-client)"
        )
    return found


def version(name: str) -> str:
    """Give a tool's version as it says it, for example ``18.1``."""
    said = subprocess.run([program(name), "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2]


class Output:
    """What a program writes, as an archive's source: its end is one only when the program ended well."""

    def __init__(self, process: "subprocess.Popen[bytes]", what: str, said: IO[str]) -> None:
        self._process, self._what, self._said = process, what, said

    def read(self, size: int) -> bytes:
        """Give what there is, at most ``size`` bytes.

        :raises WorkloadError: the program failed.
        """
        block = os.read(self._process.stdout.fileno(), size) if self._process.stdout else b""
        if not block and self._process.wait() != 0:
            raise failure(self._what, self._process.returncode, self._said)
        return block


@contextmanager
def reading_from(command: list[str], env: dict[str, str], what: str) -> Iterator[Output]:
    """Run a program and give its output; it is ended with the block.

    :param what: what is done to what, for messages.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        try:
            _widen(process.stdout)
            yield Output(process, what, said)
        finally:
            _end(process)


@contextmanager
def writing_to(command: list[str], env: dict[str, str], what: str) -> Iterator[IO[bytes]]:
    """Run a program on what is written; leaving the block well waits for its good end, else it is killed first.

    Why killed: closing its input would tell it that everything has come.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, bufsize=0
        )
        if process.stdin is None:
            raise TransientError(f"{what}: no pipe to {command[0]}")
        try:
            _widen(process.stdin)
            yield process.stdin
            process.stdin.close()
            if process.wait() != 0:
                raise failure(what, process.returncode, said)
        except BrokenPipeError as err:
            raise failure(what, process.wait(), said) from err
        finally:
            _end(process)


def _widen(pipe: IO[bytes] | None) -> None:
    """Give a pipe more room, so that the two ends wait for each other less; a system may refuse."""
    import fcntl

    if pipe is not None:
        with suppress(OSError):
            fcntl.fcntl(pipe.fileno(), SET_PIPE_SIZE, PIPE_BYTES)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def failure(what: str, code: int, said: IO[str]) -> WorkloadError:
    """Give the error for a program that failed: its error lines, without quoted values, and whether to try again."""
    said.seek(0)
    lines = [VALUE.sub(r"\1…", line.strip()) for line in said if ERROR_LINE.search(line)]
    text = f"{what} failed with exit code {code}: " + ("; ".join(lines[-3:]) or "it said nothing")
    if code < 0 or TRANSIENT.search(text):
        return TransientError(f"{text}; try again")
    return DataError(text)
