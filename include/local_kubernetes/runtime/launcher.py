"""The server's end of the forker."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
from pathlib import Path

_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_SECONDS = 30.0


class LaunchError(Exception):
    """The forker does not answer; the message says what to look at."""


class Launcher:
    """Starts shims through the forker, which is started when first needed and again when it has died."""

    def __init__(self) -> None:
        self._forker: _Forker | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start the forker now rather than with the first pod."""
        await self._living_forker()

    async def launch(self, directory: Path) -> None:
        """Start the shim of a container's directory; returns when its container runs or has failed to.

        :raises LaunchError: no answer.
        """
        try:
            await (await self._living_forker()).fork(directory)
        except _DeadForkerError:  # it had not forked: a shim keeps the forker's output open until it has answered
            await (await self._living_forker()).fork(directory)

    async def stop(self) -> None:
        """End the forker; running shims are not touched."""
        if self._forker is not None:
            await self._forker.stop()

    async def _living_forker(self) -> _Forker:
        async with self._starting:
            if self._forker is None or not self._forker.lives():
                self._forker = await _start_forker()
            return self._forker


class _DeadForkerError(LaunchError):
    """The forker has died without an answer."""


class _Forker:
    """One process that forks, and who waits for its answers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._ids = itertools.count(1)
        self._reader = asyncio.create_task(self._read())

    def lives(self) -> bool:
        """Whether it may answer; the end of its output and its exit code become known at different moments."""
        return self._process.returncode is None and not self._reader.done()

    async def fork(self, directory: Path) -> None:
        """Have a shim forked, and wait until its container runs or has failed to."""
        request = next(self._ids)
        answer = self._waiting[request] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": request, "directory": str(directory)}) + "\n"
        try:
            if self._process.stdin is None or self._reader.done():
                raise _DeadForkerError("the process that starts containers is gone; try again")
            self._process.stdin.write(line.encode())
            await asyncio.wait_for(answer, _TIMEOUT_SECONDS)
        except (TimeoutError, OSError) as err:
            raise LaunchError(f"the process that starts containers did not answer ({err!r}); try again") from err
        finally:
            self._waiting.pop(request, None)

    async def stop(self) -> None:
        """End it."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        while self._process.stdout is not None and (line := await self._process.stdout.readline()):
            answer = self._waiting.get(int(line))
            if answer is not None and not answer.done():
                answer.set_result(None)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(_DeadForkerError("the process that starts containers has died; try again"))


async def _start_forker() -> _Forker:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-S",
        "-m",
        "local_kubernetes.runtime.forker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_SOURCE_ROOT)},
        cwd="/",
    )
    return _Forker(process)
