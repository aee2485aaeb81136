"""The server's end of the forker."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
from pathlib import Path

_SOURCE_ROOT = Path(__file__).resolve().parents[3]
_TIMEOUT_SECONDS = 30.0


class LaunchError(Exception):
    """The forker does not answer; the message says what to look at."""


class Launcher:
    """Starts shims through the forker, which is started when first needed and again when it has died."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._ids = itertools.count(1)
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start the forker now rather than with the first pod."""
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._start()

    async def launch(self, directory: Path) -> None:
        """Start the shim of a container's directory; returns when its container runs or has failed to.

        :raises LaunchError: no answer.
        """
        await self.start()
        request = next(self._ids)
        answer = self._waiting[request] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": request, "directory": str(directory)}) + "\n"
        try:
            if self._process is None or self._process.stdin is None:
                raise LaunchError("the process that starts containers is gone")
            self._process.stdin.write(line.encode())
            await asyncio.wait_for(answer, _TIMEOUT_SECONDS)
        except (TimeoutError, OSError) as err:
            raise LaunchError(f"the process that starts containers did not answer ({err!r}); try again") from err
        finally:
            self._waiting.pop(request, None)

    async def stop(self) -> None:
        """End the forker; running shims are not touched."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    async def _start(self) -> None:
        env = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_SOURCE_ROOT)}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-S",
            "-m",
            "baton_local.kubernetes.runtime.forker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=env,
            cwd="/",
        )
        self._reader = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout is not None and (line := await process.stdout.readline()):
            answer = self._waiting.get(int(line))
            if answer is not None and not answer.done():
                answer.set_result(None)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(LaunchError("the process that starts containers has died; try again"))
