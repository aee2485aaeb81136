"""A real HTTP server that answers as a test says, connections to it, and a task's context."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

TOKEN = "token-that-must-not-be-seen"
KEY = "a-key-that-signs-callbacks"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A server on loopback.

    :param answers: given one after another, the last one again and again; a function is called.
    :param requests: method, path, headers and body of what came.
    """

    port: int = 0
    answers: list[web.Response | Handler] = field(default_factory=list)
    requests: list[SimpleNamespace] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seen = {"method": request.method, "path": request.path, "headers": request.headers, "body": body}
        self.requests.append(SimpleNamespace(**seen))
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if isinstance(answer, web.Response):
            copy = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
            return copy
        return await answer(request)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that answers `{"ok": true}` until told otherwise."""
    made = Server(answers=[web.json_response({"ok": True})])
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


Connect = Callable[..., str]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Makes a connection; returns its id."""

    def make(port: int, protocol: str | None = "bearer", **fields: Any) -> str:
        extra = {**({"protocol": protocol} if protocol else {}), **fields.pop("extra", {})}
        connection = {"conn_type": "http", "host": "127.0.0.1", "port": port, "password": TOKEN, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_FUNCTIONS_TEST", json.dumps({**connection, **fields}))
        callbacks = {"conn_type": "http", "host": "airflow.example", "password": KEY}
        monkeypatch.setenv("AIRFLOW_CONN_FUNCTION_CALLBACKS", json.dumps(callbacks))
        return "functions_test"

    return make


class StateStore(dict[str, Any]):
    """Airflow's task state store, as a task sees it; values pass through JSON."""

    def set(self, key: str, value: Any) -> None:
        assert value is not None
        self[key] = json.loads(json.dumps(value))

    def delete(self, key: str) -> None:
        self.pop(key, None)


@pytest.fixture
def context() -> dict[str, Any]:
    """What a task is given."""
    instance = SimpleNamespace(dag_id="d", run_id="manual__2026-11-22T03:00:00+00:00", task_id="t", map_index=-1)
    return {"ti": instance, "task_state_store": StateStore()}
