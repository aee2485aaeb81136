"""The processes of one function: started when needed, kept, ended when they take too long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from baton_local.gateway.functions import Function
from baton_local.gateway.worker import LENGTH

WORKER = Path(__file__).with_name("worker.py")
START_SECONDS = 60.0
# What a function's process gets of the gateway's environment; the gateway's password is not among it.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


@dataclass(frozen=True)
class Request:
    """One call of a function."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class BusyError(Exception):
    """All processes of the function work, and no more are allowed."""


class Pool:
    """At most ``max_inflight`` processes of one function.

    :param secrets: folder with one file for each secret, as OpenFaaS mounts them; its path is in ``SECRETS_DIR``.
    """

    def __init__(self, function: Function, secrets: Path | None) -> None:
        self.function = function
        self.invocations = 0
        self._secrets = secrets
        self._slots = asyncio.Semaphore(function.max_inflight)
        self._idle: list[asyncio.subprocess.Process] = []

    async def invoke(self, request: Request, *, wait: bool = False) -> Answer:
        """Let a process answer: 504 when it takes too long, 502 when it dies.

        :param wait: for a free process, as queued calls do, instead of raising.
        :raises BusyError: none is free.
        """
        if not wait and self._slots.locked():
            raise BusyError
        async with self._slots:
            self.invocations += 1
            return await self._invoke(request)

    async def _invoke(self, request: Request) -> Answer:
        limit = self.function.exec_timeout_seconds
        try:
            async with self._process() as process, asyncio.timeout(limit):
                return await _exchange(process, request)
        except TimeoutError:
            return Answer(504, f"{self.function.name} was ended after {limit:g} s\n".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            return Answer(502, f"the process of {self.function.name} ended before it answered\n".encode())

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process for one exchange; only one that came through it undisturbed is used again."""
        while self._idle and self._idle[-1].returncode is not None:
            self._idle.pop()
        process = self._idle.pop() if self._idle else await self._start()
        try:
            yield process
        except BaseException:
            await _end(process)
            raise
        self._idle.append(process)

    async def _start(self) -> asyncio.subprocess.Process:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        secrets = {"SECRETS_DIR": str(self._secrets)} if self._secrets else {}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", str(WORKER), str(self.function.folder),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={**inherited, **self.function.environment, **secrets}, start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                await _read_frame(process)
        except BaseException:
            await _end(process)
            raise
        return process

    async def close(self) -> None:
        """End the idle processes; those that work end with their request."""
        for process in self._idle:
            await _end(process)
        self._idle.clear()


async def _exchange(process: asyncio.subprocess.Process, request: Request) -> Answer:
    head = {
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "headers": dict(request.headers),
    }
    stdin = process.stdin
    if stdin is None:
        raise ConnectionError("the process has no input")
    for frame in (json.dumps(head).encode(), request.body):
        stdin.write(LENGTH.pack(len(frame)) + frame)
    await stdin.drain()
    answer = json.loads(await _read_frame(process))
    return Answer(answer["status"], await _read_frame(process), answer["headers"])


async def _read_frame(process: asyncio.subprocess.Process) -> bytes:
    stdout = process.stdout
    if stdout is None:
        raise ConnectionError("the process has no output")
    (length,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
    return await stdout.readexactly(length)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    await process.wait()
