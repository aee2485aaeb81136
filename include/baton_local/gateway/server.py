"""The gateway's routes."""

from __future__ import annotations

import base64
import hmac
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from baton_local.gateway.call_queue import CallQueue
from baton_local.gateway.dispatch import Dispatcher
from baton_local.gateway.functions import Function
from baton_local.gateway.pool import Answer, BusyError, Pool, Request

LARGEST_BODY_BYTES = 16 << 20
RETRY_AFTER_SECONDS = 1
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "upgrade", "te", "trailer"}
# A function has no business with the caller's password.
NOT_FORWARDED = {"authorization", "proxy-authorization", "cookie"}


class Gateway:
    """An OpenFaaS-compatible gateway.

    :param password: wanted from every caller, as Basic authentication of the user ``admin`` or as a bearer token.
    :param queue_file: where asynchronous calls are kept.
    """

    def __init__(
        self, functions: dict[str, Function], password: str, queue_file: Path, secrets: Path | None = None
    ) -> None:
        self._pools = {name: Pool(function, secrets) for name, function in functions.items()}
        self._queue = CallQueue(queue_file)
        self._dispatcher = Dispatcher(self._queue, self._pools)
        basic = base64.b64encode(f"admin:{password}".encode()).decode()
        self._accepted = (f"Basic {basic}", f"Bearer {password}")

    def app(self) -> web.Application:
        """The application."""
        app = web.Application(client_max_size=LARGEST_BODY_BYTES, middlewares=[self._authenticate])
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/system/info", self._info)
        app.router.add_get("/system/functions", self._list)
        app.router.add_get("/system/function/{name}", self._show)
        for route, handler in (("function", self._invoke), ("async-function", self._queue_up)):
            app.router.add_route("*", f"/{route}/{{name}}", handler)
            app.router.add_route("*", f"/{route}/{{name}}/{{path:.*}}", handler)
        app.cleanup_ctx.append(self._life)
        return app

    async def _life(self, _: web.Application) -> AsyncIterator[None]:
        await self._dispatcher.start()
        yield
        await self._dispatcher.stop()
        for pool in self._pools.values():
            await pool.close()
        self._queue.close()

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: object) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if request.path != "/healthz" and not any(hmac.compare_digest(given, each.encode()) for each in self._accepted):
            return web.Response(status=401, text="invalid credentials\n", headers={"WWW-Authenticate": "Basic"})
        response: web.StreamResponse = await handler(request)  # type: ignore[operator]
        return response

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="OK")

    async def _info(self, _: web.Request) -> web.Response:
        provider = {"provider": "baton-local", "orchestration": "processes"}
        return web.json_response({"provider": provider, "version": {"release": "local"}, "arch": "local"})

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response([self._status(pool) for pool in self._pools.values()])

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(self._status(self._pool(request)))

    def _status(self, pool: Pool) -> dict[str, object]:
        return {
            "name": pool.function.name,
            "image": f"local/{pool.function.name}",
            "namespace": "local",
            "envProcess": "python handler.py",
            "invocationCount": pool.invocations,
            "replicas": 1,
            "availableReplicas": 1,
            "queued": self._queue.waiting().get(pool.function.name, 0),
        }

    async def _invoke(self, request: web.Request) -> web.Response:
        pool, call_id = self._pool(request), _call_id(request)
        began = time.monotonic()
        try:
            answer = await pool.invoke(await _request_of(request, call_id))
        except BusyError:
            busy = f"{pool.function.max_inflight} requests are in flight\n".encode()
            answer = Answer(429, busy, {"Retry-After": str(RETRY_AFTER_SECONDS)})
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        own = {"X-Call-Id": call_id, "X-Duration-Seconds": f"{time.monotonic() - began:.6f}"}
        return web.Response(status=answer.status, body=answer.body, headers={**headers, **own})

    async def _queue_up(self, request: web.Request) -> web.Response:
        pool, call_id = self._pool(request), _call_id(request)
        callback_url = request.headers.get("X-Callback-Url")
        self._queue.put(pool.function.name, call_id, callback_url, await _request_of(request, call_id))
        self._dispatcher.wake(pool.function.name)
        return web.Response(status=202, headers={"X-Call-Id": call_id})

    def _pool(self, request: web.Request) -> Pool:
        name = request.match_info["name"].removesuffix(".openfaas-fn").removesuffix(".local")
        if name not in self._pools:
            raise web.HTTPNotFound(text=f"there is no function {name!r}\n")
        return self._pools[name]


def _call_id(request: web.Request) -> str:
    return request.headers.get("X-Call-Id") or str(uuid.uuid4())


async def _request_of(request: web.Request, call_id: str) -> Request:
    dropped = HOP_BY_HOP | NOT_FORWARDED | {"x-callback-url"}
    headers = {name: value for name, value in request.headers.items() if name.lower() not in dropped}
    path = "/" + request.match_info.get("path", "")
    body = await request.read()
    return Request(request.method, path, dict(request.query), {**headers, "X-Call-Id": call_id}, body)
