"""Commands inside containers over a websocket, as ``kubectl exec`` and the Python client speak it.

The first byte of each message is the channel. Source:
https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from .errors import PlainError, bad_request
from .query import flag
from .runtime import container_exec, sidecar
from .runtime.attempt import Attempt
from .runtime.pod import SIDECAR, PodRunner
from .runtime.status import Container
from .terminal import open_terminal, resize

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_CHUNK = 1 << 15


async def serve(request: web.Request, runner: PodRunner, container: Container) -> web.StreamResponse:
    """Answer an exec request for a running container.

    :raises ApiError: 400, not a websocket request or no stream is wanted.
    """
    command = request.query.getall("command", [])
    wanted = {name for name in ("stdin", "stdout", "stderr", "tty") if flag(request, name)}
    if wanted <= {"tty"}:
        raise PlainError(400, "you must specify at least 1 of stdin, stdout, stderr")
    socket = await open_socket(request)
    newest = socket.ws_protocol != "v4.channel.k8s.io"
    with contextlib.suppress(ConnectionResetError):
        try:
            if container.name == SIDECAR:
                code = await _sidecar(socket, runner, container, command, wanted)
            else:
                code = await _Session(socket, wanted).run(command, container)
            last = status(code, command, newest=newest)
        except container_exec.ExecError as err:
            last = _not_started(str(err))
        await send(socket, STATUS, json.dumps(last).encode())
    await socket.close()
    return socket


def require_upgrade(request: web.Request) -> None:
    """Refuse what is no websocket request.

    :raises ApiError: 400.
    """
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise bad_request("Upgrade request required")


def _not_started(why: str) -> dict[str, Any]:
    """The last message of a command that could not be started."""
    text = f"Internal error occurred: error executing command in container: {container_exec.EXEC_FAILED}{why}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {text}",
        "reason": "InternalError",
        "details": {"causes": [{"message": text}]},
        "code": 500,
    }


def status(code: int, command: list[str], *, newest: bool = True) -> dict[str, Any]:
    """The last message: how the command ended.

    :param newest: in the words of protocol v5, else of v4.
    """
    body: dict[str, Any] = {"metadata": {}, "status": "Success"} if newest else {"status": "Success"}
    if code:
        how = f"command terminated with exit code {code}"
        older = f"error executing command [{' '.join(command)}], exit code {code}"
        body |= {
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: {how if newest else older}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }
    return body


async def open_socket(request: web.Request) -> web.WebSocketResponse:
    """The websocket that a client asks for.

    :raises ApiError: 400, it does not.
    """
    socket = web.WebSocketResponse(protocols=PROTOCOLS)
    if not socket.can_prepare(request).ok:
        raise bad_request("Upgrade request required")
    await socket.prepare(request)
    return socket


async def send(socket: web.WebSocketResponse, channel: int, data: bytes) -> None:
    """Send a piece of one channel."""
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
        await send(socket, STDOUT, reply.output)
    if reply.errors:
        await send(socket, STDERR, reply.errors)
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
            container_exec.kill(process)
            await process.wait()
            if self._terminal is not None:
                os.close(self._terminal)

    async def _start(self, command: list[str], container: Container) -> asyncio.subprocess.Process:
        attempt = container.attempt or Attempt(Path())
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        if "tty" not in self._wanted:
            streams = {"stdin": pipe if "stdin" in self._wanted else nothing, "stdout": pipe, "stderr": pipe}
            return await container_exec.start(attempt, command, streams)
        self._terminal, end = open_terminal()
        try:
            return await container_exec.start(
                attempt, command, dict.fromkeys(("stdin", "stdout", "stderr"), end), terminal=True
            )
        finally:
            os.close(end)

    def _outputs(self, process: asyncio.subprocess.Process) -> list[Any]:
        if self._terminal is not None:
            return [self._copy_terminal(self._terminal)]
        streams = ((process.stdout, STDOUT, "stdout"), (process.stderr, STDERR, "stderr"))
        return [self._copy(stream, channel, name) for stream, channel, name in streams if stream is not None]

    async def _copy(self, stream: asyncio.StreamReader, channel: int, name: str) -> None:
        while data := await stream.read(_CHUNK):
            if name in self._wanted:
                await send(self._socket, channel, data)

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
                await send(self._socket, STDOUT, data)
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
        container_exec.kill(process)  # the client has left: nobody waits for the command any more

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
    container_exec.kill(process)


def _exit_code(code: int) -> int:
    return code if code >= 0 else 128 - code
