"""What the data-path benchmark brings along: a PostgreSQL that is kept between runs, and an S3 on loopback."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg

from baton_local.postgres import Postgres


def free_port() -> int:
    """A TCP port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(command: list[str], is_ready: Callable[[], bool]) -> Iterator[None]:
    """A program that runs as long as the block; stopped in any case."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            deadline = time.monotonic() + 60
            while not is_ready():
                if running.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[0]} did not start")
                time.sleep(0.1)
            yield
        finally:
            running.send_signal(signal.SIGINT)


@contextmanager
def postgres(state: Path) -> Iterator[Postgres]:
    """The benchmark's own server, with PostgreSQL's durable defaults."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = state / "password"
    if not password.exists():
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(16))
    server = Postgres(state / "postgres", free_port(), password.read_text())
    server.initialise()
    with process(server.command(), server.is_ready):
        # The warehouse's ledger would refuse the rows of another key or of an older snapshot.
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS warehouse WITH (FORCE)")
        for database in ("shop", "warehouse", "rival"):
            server.make_database(database, "postgres", server.password)
        yield server


@contextmanager
def object_store() -> Iterator[str]:
    """An S3 server on loopback with the two buckets; gives its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        try:
            return httpx.get(url).is_success
        except httpx.HTTPError:
            return False

    with process([sys.executable, "-m", "moto.server", "-p", str(port)], is_ready):
        for bucket in ("raw", "processed"):
            httpx.put(f"{url}/{bucket}").raise_for_status()
        yield url
