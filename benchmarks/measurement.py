"""Run a program and say how long it took and how much memory it held at its peak."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

# ru_maxrss is in KiB on Linux and in bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Measured:
    """One measured piece of work.

    :param own_seconds: what the program itself says it took, without its start; ``seconds`` where it says nothing.
    :param peak_bytes: largest resident size of the process; 0 where several processes share the work.
    """

    name: str
    seconds: float
    own_seconds: float
    peak_bytes: int = 0


class CommandFailedError(Exception):
    """A measured program failed; the message ends with its last lines."""


def run(
    command: Sequence[str], environment: dict[str, str], stdin: IO[bytes] | int = subprocess.DEVNULL
) -> tuple[float, int, str]:
    """Run to the end: seconds, peak bytes, standard output.

    Linux counts this process's own size in (a child begins as its copy), so this one stays small.

    :raises CommandFailedError: another exit code than 0.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.monotonic()
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdin=stdin, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            tail = "\n".join(err.read().strip().splitlines()[-8:])
            raise CommandFailedError(f"{os.path.basename(command[0])} ended with {process.returncode}:\n{tail}")
        return seconds, usage.ru_maxrss * RSS_UNIT, out.read()


def pipe(writer: Sequence[str], reader: Sequence[str], environment: dict[str, str]) -> float:
    """Run ``writer | reader`` to the end: seconds.

    :raises CommandFailedError: one of them failed.
    """
    full = {**os.environ, **environment}
    with tempfile.TemporaryFile("w+") as err:
        began = time.monotonic()
        with subprocess.Popen(writer, env=full, stdout=subprocess.PIPE, stderr=err) as first:
            second = subprocess.run(reader, env=full, stdin=first.stdout, stderr=err, check=False)
        seconds = time.monotonic() - began
        if first.returncode or second.returncode:
            err.seek(0)
            raise CommandFailedError(f"{writer[0]} | {reader[0]} failed:\n{err.read()}")
        return seconds


def median(values: Sequence[float]) -> float:
    """Median, rounded to milliseconds."""
    return round(statistics.median(values), 3)
