"""Commands inside a running container."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .attempt import Attempt

_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_OUTPUT_BYTES = 4096


async def start(
    attempt: Attempt, command: list[str], streams: dict[str, Any], *, terminal: bool = False
) -> asyncio.subprocess.Process:
    """Start a command in a container; it is the leader of a process group of its own.

    :param streams: ``stdin``, ``stdout`` and ``stderr`` as for subprocesses.
    :param terminal: the streams are a terminal, which the command shall own.
    """
    started = attempt.started() or {}
    options = ["--terminal"] if terminal else []
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-S",
        "-m",
        "local_kubernetes.runtime.enter",
        *options,
        str(attempt.directory),
        str(started["pid"]),
        *command,
        **streams,
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_SOURCE_ROOT)},
        start_new_session=True,
    )


def kill(process: asyncio.subprocess.Process) -> None:
    """End a command with what it started; nothing if it has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def run(attempt: Attempt, command: list[str]) -> tuple[int, str]:
    """Run a command to its end; its exit code and what it wrote, cut. Cancelled, it ends the command."""
    streams = {
        "stdin": asyncio.subprocess.DEVNULL,
        "stdout": asyncio.subprocess.PIPE,
        "stderr": asyncio.subprocess.STDOUT,
    }
    process = await start(attempt, command, streams)
    try:
        output, _ = await process.communicate()
    finally:
        kill(process)
        await process.wait()
    return process.returncode or 0, output[:_OUTPUT_BYTES].decode(errors="replace")
