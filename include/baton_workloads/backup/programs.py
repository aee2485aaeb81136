"""PostgreSQL's own tools as children: addresses by environment, output as a stream, errors without any value."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from baton_workloads.errors import ConfigurationError, DataError, TransientError, WorkloadError
from baton_workloads.etl.connection_refusals import explained

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

# What another try may fix: connections, locks, space, a server that ends. Names, which stand in quotes, may say
# anything: a parameter is called transaction_timeout, a table "connections".
TRANSIENT = re.compile(
    r"connection|timeout|timed out|could not obtain lock|too many clients|shutting down|starting up|No space left"
    r"|deadlock|out of memory|recovery"
)
NAME = re.compile(r'"[^"]*"')
ERROR_LINE = re.compile(r"(?:pg_\w+|psql): (?:error|fatal|detail): |ERROR: |FATAL: ")
VALUE = re.compile(r"(: \").*(\"?)$")


def environment(dsn: str) -> dict[str, str]:
    """Give a child's environment for a database address: arguments are seen by everyone on a machine.

    What the address leaves out comes from libpq's own variables (PGPASSWORD …), as for our own connections.

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
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BATON_", "AWS_"))}
    kept |= {"LC_ALL": "C.UTF-8"}  # what a tool says is read, see `failure`
    return kept | {VARIABLES[name]: str(value) for name, value in parts.items()}


def program(name: str) -> str:
    """Find a program; PostgreSQL's tools are found by ``tools.fitting``.

    :raises ConfigurationError: it is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise ConfigurationError(f"{name} is not on PATH; install it")
    return found


def pipe_of(pipe: IO[bytes] | None) -> IO[bytes]:
    """Give a child's pipe, which is there where it was asked for."""
    if pipe is None:
        raise ConfigurationError("a program was started without a pipe")
    return pipe


class Output:
    """What a program writes, compressed, as an archive's source: its end is one only when the program ended well."""

    def __init__(self, what: str, program: "Child", filter_: "Child") -> None:
        self.raw_bytes = 0
        self._what, self._program, self._filter = what, program, filter_

    def read(self, size: int) -> bytes:
        """Give at most ``size`` bytes; none at the end.

        :raises WorkloadError: the program failed, or the compression did.
        """
        pipe = self._filter.process.stdout
        block = pipe.read(size) if pipe else b""
        if not block:
            self._program.refuse_failure(self._what)
            self._filter.refuse_failure(f"compression of {self._what}")
            self.raw_bytes = int(self._filter.last_words())
        return block


class Child:
    """A process and what it says on standard error."""

    def __init__(self, command: list[str], env: dict[str, str], stdin: IO[bytes] | int) -> None:
        self._said = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=self._said, bufsize=PIPE_BYTES
        )
        _widen(self.process.stdout)

    def refuse_failure(self, what: str) -> None:
        """Wait for the end.

        :raises WorkloadError: it was no good one.
        """
        if self.process.wait() != 0:
            raise failure(what, self.process.returncode, self._said)

    def last_words(self) -> str:
        """Give the last line of standard error."""
        self._said.seek(0)
        return self._said.read().splitlines()[-1]

    def end(self) -> None:
        """Kill it where it still runs."""
        _end(self.process)
        self._said.close()


@contextmanager
def reading_from(command: list[str], env: dict[str, str], what: str) -> Iterator[Output]:
    """Run a program and give its output, compressed by a second process; both are ended with the block.

    Why a process: a thread would share this interpreter with the encryption, and hold it up.

    :param what: what is done to what, for messages.
    """
    program = Child(command, env, subprocess.DEVNULL)
    try:
        pipe = program.process.stdout
        if pipe is None:
            raise TransientError(f"{what}: no pipe from {command[0]}")
        path = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ.get("PATH", os.defpath)}
        filter_ = Child([sys.executable, "-m", "baton_workloads.backup.compress"], path, pipe)
        pipe.close()  # else the program would not notice that its reader is gone
        try:
            yield Output(what, program, filter_)
        finally:
            filter_.end()
    finally:
        program.end()


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
    refused = next(filter(None, (explained(line, what) for line in lines if "connection to server" in line)), None)
    if isinstance(refused, ConfigurationError):
        return ConfigurationError(f"{text}; {refused}")
    if code < 0 or TRANSIENT.search(NAME.sub("", text)):
        return TransientError(f"{text}; try again")
    return DataError(text)
