"""Commands inside containers over a websocket, as ``kubectl exec`` and the Python client speak it.

The first byte of each message is the channel. Source:
https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from .errors import bad_request
from .runtime import sidecar
from .runtime.pod import SIDECAR, PodRunner
from .runtime.status import Container
from .terminal import open_terminal, resize

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_CHUNK = 1 << 15


async def serve(request: web.Request, runner: PodRunner, container: Container) -> web.StreamResponse:
    """Answer an exec request for a running container.

    :raises ApiError: 400, not a websocket request or no command.
    """
    command = request.query.getall("command", [])
    if not command:
        raise bad_request("you must specify at least 1 command for the container")
    socket = web.WebSocketResponse(protocols=PROTOCOLS)
    if not socket.can_prepare(request).ok:
        raise bad_request("Upgrade request required")
    await socket.prepare(request)
    wanted = {
        name for name in ("stdin", "stdout", "stderr", "tty") if request.query.get(name, "").lower() in ("true", "1")
    }
    with contextlib.suppress(ConnectionResetError):
        if container.name == SIDECAR:
            code = await _sidecar(socket, runner, container, command, wanted)
        else:
            code = await _Session(socket, wanted).run(command, container)
        await _send(socket, STATUS, json.dumps(status(code)).encode())
    await socket.close()
    return socket


def status(code: int) -> dict[str, Any]:
    """The last message: how the command ended."""
    body: dict[str, Any] = {"metadata": {}, "status": "Success"}
    if code:
        body |= {
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: exit status {code}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }
    return body


async def _send(socket: web.WebSocketResponse, channel: int, data: bytes) -> None:
    await socket.send_bytes(bytes([channel]) + data)


def payload(message: Any) -> tuple[int, bytes]:
    """Channel and content of a message; the Python client sends stdin as text."""
    data = message.data.encode() if message.type is WSMsgType.TEXT else bytes(message.data)
    return (data[0], data[1:]) if data else (STDIN, b"")


async def _sidecar(
    socket: web.WebSocketResponse, runner: PodRunner, container: Container, command: list[str], wanted: set[str]
) -> int:
    """The XCom side-car has no process: what Airflow asks of it is answered here."""
    volume = runner.mounted(container, sidecar.MOUNT_PATH)
    reply = sidecar.answer(command, volume)
    if reply.reads_stdin and "stdin" in wanted:
        async for message in socket:
            channel, data = payload(message)
            if channel == STDIN and data:
                reply = sidecar.answer(["sh", "-c", data.decode(errors="replace")], volume)
                break
    if reply.output:
        await _send(socket, STDOUT, reply.output)
    if reply.errors:
        await _send(socket, STDERR, reply.errors)
    if reply.ends:
        runner.end_sidecar()
    return reply.code


class _Session:
    """One command with its three streams."""

    def __init__(self, socket: web.WebSocketResponse, wanted: set[str]) -> None:
        self._socket = socket
        self._wanted = wanted
        self._terminal: int | None = None

    async def run(self, command: list[str], container: Container) -> int:
        """Run the command to its end, or until the client leaves; returns its exit code."""
        process = await self._start(command, container)
        watching = [
            asyncio.create_task(self._listen(process)),
            asyncio.create_task(_end_with(container, process)),
        ]
        speaking = asyncio.gather(*self._outputs(process))
        try:
            await speaking
            return _exit_code(await process.wait())
        finally:
            speaking.cancel()
            for task in watching:
                task.cancel()
            _kill(process)
            await process.wait()
            if self._terminal is not None:
                os.close(self._terminal)

    async def _start(self, command: list[str], container: Container) -> asyncio.subprocess.Process:
        started = (container.attempt.started() if container.attempt else None) or {}
        directory = container.attempt.directory if container.attempt else Path()
        helper = [
            sys.executable,
            "-S",
            "-m",
            "baton_local.kubernetes.runtime.enter",
            str(directory),
            str(started["pid"]),
        ]
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        env = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_SOURCE_ROOT)}
        if "tty" in self._wanted:
            self._terminal, end = open_terminal()
            streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), end)
            helper.insert(-2, "--terminal")
        else:
            end = None
            streams = {"stdin": pipe if "stdin" in self._wanted else nothing, "stdout": pipe, "stderr": pipe}
        try:
            return await asyncio.create_subprocess_exec(*helper, *command, **streams, env=env, start_new_session=True)
        finally:
            if end is not None:
                os.close(end)

    def _outputs(self, process: asyncio.subprocess.Process) -> list[Any]:
        if self._terminal is not None:
            return [self._copy_terminal(self._terminal)]
        streams = ((process.stdout, STDOUT), (process.stderr, STDERR))
        return [self._copy(stream, channel) for stream, channel in streams if stream is not None]

    async def _copy(self, stream: asyncio.StreamReader, channel: int) -> None:
        while data := await stream.read(_CHUNK):
            await _send(self._socket, channel, data)

    async def _copy_terminal(self, terminal: int) -> None:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(terminal, readable.set)
        try:
            while True:
                await readable.wait()
                readable.clear()
                try:
                    data = os.read(terminal, _CHUNK)
                except BlockingIOError:
                    continue
                except OSError:  # EIO: the last process has closed its side
                    return
                if not data:
                    return
                await _send(self._socket, STDOUT, data)
        finally:
            loop.remove_reader(terminal)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        async for message in self._socket:
            channel, data = payload(message)
            if channel == STDIN:
                await self._feed(process, data)
            elif channel == RESIZE and self._terminal is not None:
                resize(self._terminal, data)
            elif channel == CLOSE and process.stdin is not None:
                process.stdin.close()
        _kill(process)  # the client has left: nobody waits for the command any more

    async def _feed(self, process: asyncio.subprocess.Process, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, BlockingIOError):
            if self._terminal is not None:
                os.write(self._terminal, data)
            elif process.stdin is not None:
                process.stdin.write(data)
                await process.stdin.drain()


async def _end_with(container: Container, process: asyncio.subprocess.Process) -> None:
    """A command inside does not outlive its container."""
    await container.ended.wait()
    _kill(process)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _exit_code(code: int) -> int:
    return code if code >= 0 else 128 - code
