"""What strangers cost the API server's memory, measured at a real one with real connections."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

CONNECTIONS = 300
BODY_BYTES = 4 << 20
MAX_MEGABYTES = 50
SECONDS = 6.0
KEYS = [{"id": "1", "sha256": sha256(b"t").hexdigest()}]
BEARER = {"name": "alertmanager", "type": "bearer", "keys": KEYS}
SIGNER = {"name": "signer", "type": "hmac", "keys": [{"id": "1", "secret": "s" * 32}]}
GITHUB = {"name": "github", "type": "github", "keys": [{"id": "1", "secret": "s" * 32}]}
AMAZON = {"name": "aws", "type": "sns", "topics": ["arn:aws:sns:eu-central-1:123456789012:alerts"]}
SERVER = """
import sys
from pathlib import Path
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from baton.alerts.receiver import make_app
from baton.alerts.settings import Settings
app = Starlette(routes=[Mount("/alerts", make_app(Settings(Path(sys.argv[1]), Path(sys.argv[2]), 4 << 20, 30)))])
uvicorn.run(app, fd=int(sys.argv[3]), log_level="warning")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "routes.yaml").write_text("version: 1\nroutes: []")
    return tmp_path


@pytest.fixture
def server(folder: Path, request: pytest.FixtureRequest) -> Iterator[tuple[psutil.Process, int]]:
    """A receiver with the given senders, behind the server that Airflow's API server is; its process and its port."""
    (folder / "credentials.yaml").write_text(yaml.safe_dump({"credentials": request.param}))
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        environment = {**os.environ, "AIRFLOW_HOME": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
        files = [str(folder / "credentials.yaml"), str(folder / "routes.yaml")]
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SERVER, *files, str(listener.fileno())],
            env=environment,
            pass_fds=[listener.fileno()],
        )
        port = listener.getsockname()[1]
        try:
            assert b" 401 " in _answer(port)
            yield psutil.Process(process.pid), port
        finally:
            process.terminate()
            process.wait(20)


def _answer(port: int) -> bytes:
    """The answer to a stranger without anything; waits until the server is there."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(b"POST /alerts/v1/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        return client.recv(4096)


def _head(headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /alerts/v1/generic HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_BYTES}\r\n{lines}\r\n".encode()


def _peak_growth(process: psutil.Process, port: int, head: bytes) -> float:
    """Megabytes that the server has more, at most, while all connections send all but the end of their bodies."""
    before = peak = process.memory_info().rss
    piece = b" " * 65536
    with ExitStack() as stack:
        left: dict[socket.socket, int] = {}
        for _ in range(CONNECTIONS):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            client.sendall(head)
            client.setblocking(False)
            left[client] = BODY_BYTES - 1
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            _, writable, _ = select.select([], list(left), [], 0.1)
            for client in writable:
                try:
                    left[client] -= client.send(piece[: left[client]])
                except OSError:
                    left[client] = 0
                if not left[client]:
                    del left[client]
            peak = max(peak, process.memory_info().rss)
    return (peak - before) / 1e6


@pytest.mark.parametrize(
    ("server", "headers"),
    [
        ([BEARER], {}),
        ([BEARER], {"X-Baton-Signature": "0" * 64, "X-Baton-Timestamp": "NOW"}),
        ([BEARER, SIGNER], {"X-Baton-Signature": "x"}),
        ([BEARER, SIGNER], {"X-Baton-Signature": "0" * 64, "X-Baton-Timestamp": "NOW"}),
        (
            [BEARER, GITHUB, AMAZON],
            {"X-Hub-Signature-256": "sha256=" + "0" * 64, "x-amz-sns-message-type": "Notification"},
        ),
    ],
    indirect=["server"],
    ids=["nothing", "nobody may sign", "no signature", "a signature of the right form", "of common senders"],
)
def test_strangers_cost_little_memory(server: tuple[psutil.Process, int], headers: dict[str, Any]) -> None:
    """However many connect and however much they send: Airflow's UI and execution API live in the same process."""
    process, port = server
    head = _head({name: value.replace("NOW", str(int(time.time()))) for name, value in headers.items()})
    grown = _peak_growth(process, port, head)
    print(f"{CONNECTIONS} connections: {grown:.0f} MB")
    assert grown < MAX_MEGABYTES
    assert b" 401 " in _answer(port)
