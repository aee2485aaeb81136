"""``kubectl attach`` and ``kubectl run -i``: what a container writes, over a websocket. Its own input is empty."""

from __future__ import annotations

import asyncio
import contextlib
import json

from aiohttp import web

from . import logs
from .errors import not_implemented
from .exec import STATUS, STDERR, STDIN, STDOUT, open_socket, payload, send, status
from .runtime.status import Container

_NO_INPUT = b"this local server passes no input on to a container that runs; use kubectl exec -i\n"


async def serve(request: web.Request, container: Container) -> web.StreamResponse:
    """Send the output of a running container from now to its end, or until the client leaves.

    Input that comes all the same is not passed on, and the client's user is notified.
    :raises ApiError: 400, not a websocket request; 501, the client wants a terminal.
    """
    if request.query.get("tty", "").lower() in ("true", "1"):
        raise not_implemented("attach with a terminal is not supported by this local server; use exec")
    socket = await open_socket(request)
    speaking = asyncio.create_task(_speak(socket, container))
    leaving = asyncio.create_task(_listen(socket))
    try:
        await asyncio.wait((speaking, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (speaking, leaving):
            task.cancel()
        await asyncio.gather(speaking, leaving, return_exceptions=True)
    await socket.close()
    return socket


async def _speak(socket: web.WebSocketResponse, container: Container) -> None:
    if container.attempt is None:
        return
    with contextlib.suppress(ConnectionResetError):
        async for piece in logs.read(container.attempt.log, logs.Selection(tail=0), container.ended):
            await send(socket, STDOUT, piece)
        await send(socket, STATUS, json.dumps(status(0, [])).encode())


async def _listen(socket: web.WebSocketResponse) -> None:
    """Return when the client leaves."""
    warned = False
    async for message in socket:
        channel, data = payload(message)
        if channel == STDIN and data and not warned:
            warned = True
            await send(socket, STDERR, _NO_INPUT)
