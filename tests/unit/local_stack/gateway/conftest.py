"""A running gateway with functions that a test writes."""

import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web

from baton_local.gateway.functions import read_functions
from baton_local.gateway.server import Gateway

PASSWORD = "open-sesame"


@dataclass
class Running:
    """A gateway and a client that knows its password."""

    url: str
    client: aiohttp.ClientSession
    runner: web.AppRunner


StartGateway = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start_gateway(tmp_path: Path) -> AsyncIterator[StartGateway]:
    """Starts a gateway; each function is given as its handler's source. The state outlives the gateway."""
    started: list[Running] = []

    async def start(functions: dict[str, str], **environment: str) -> Running:
        for name, source in functions.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "handler.py").write_text(textwrap.dedent(source))
        declared = {name: {"handler": f"./{name}", "environment": environment} for name in functions}
        stack_file = tmp_path / "stack.yaml"
        stack_file.write_text(yaml.safe_dump({"functions": declared}))
        gateway = Gateway(read_functions(stack_file), PASSWORD, tmp_path / "calls.sqlite")
        runner = web.AppRunner(gateway.app())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        headers = {"Authorization": f"Bearer {PASSWORD}"}
        port = runner.addresses[0][1]
        running = Running(f"http://127.0.0.1:{port}", aiohttp.ClientSession(headers=headers), runner)
        started.append(running)
        return running

    yield start
    for running in started:
        await running.client.close()
        await running.runner.cleanup()


@dataclass
class Received:
    """A callback that came."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Listener:
    """Takes callbacks; answers 503 to the first ``refusals``."""

    url: str
    received: list[Received]
    refusals: int = 0


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    """Where callbacks go."""
    found = Listener("", [])

    async def take(request: web.Request) -> web.Response:
        if found.refusals:
            found.refusals -= 1
            return web.Response(status=503)
        found.received.append(Received(dict(request.headers), await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/callback", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/callback"
    yield found
    await runner.cleanup()
