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
_NOT_STARTED = 126
EXEC_FAILED = 'failed to exec in container: failed to start exec "CONTAINERID": OCI runtime exec failed: '


class ExecError(Exception):
    """The command could not be started; the message is a container runtime's."""


async def start(
    attempt: Attempt, command: list[str], streams: dict[str, Any], *, terminal: bool = False
) -> asyncio.subprocess.Process:
    """Start a command in a container; it is the leader of a process group of its own.

    :param streams: ``stdin``, ``stdout`` and ``stderr`` as for subprocesses.
    :param terminal: the streams are a terminal, which the command shall own.
    :raises ExecError: there is no such program.
    """
    started = attempt.started() or {}
    options = ["--terminal"] if terminal else []
    if not command:
        raise ExecError("exec failed: args must not be empty")
    reading, errors = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-S",
            "-m",
            "local_kubernetes.runtime.enter",
            *options,
            str(errors),
            str(attempt.directory),
            str(started["pid"]),
            *command,
            **streams,
            env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_SOURCE_ROOT)},
            start_new_session=True,
            pass_fds=(errors,),
        )
    finally:
        os.close(errors)
    trouble = await _read(reading)
    if trouble:
        await process.wait()
        raise ExecError(f"exec failed: unable to start container process: {trouble.decode(errors='replace')}")
    return process


async def _read(descriptor: int) -> bytes:
    """What is written to a pipe until everybody has closed it."""
    loop, content, closed = asyncio.get_running_loop(), bytearray(), asyncio.Event()

    def take() -> None:
        piece = os.read(descriptor, _OUTPUT_BYTES)
        content.extend(piece)
        if not piece:
            loop.remove_reader(descriptor)
            closed.set()

    loop.add_reader(descriptor, take)
    try:
        await closed.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return bytes(content)


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
    try:
        process = await start(attempt, command, streams)
    except ExecError as err:
        return _NOT_STARTED, f"{EXEC_FAILED}{err}"
    try:
        output, _ = await process.communicate()
    finally:
        kill(process)
        await process.wait()
    return process.returncode or 0, output[:_OUTPUT_BYTES].decode(errors="replace")
