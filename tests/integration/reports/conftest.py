"""The demo shop in a real PostgreSQL; it also stands for the warehouse: the columns that reports read are the same."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from baton_local import shop

INCLUDE = Path(shop.__file__).parents[1]


@pytest.fixture(scope="module")
def shop_dsn(module_database: str) -> str:
    """A shop with the rows of its default scale."""
    shop.make(module_database)
    return module_database


@pytest.fixture
def rows(shop_dsn: str) -> Callable[..., list[tuple]]:
    """Runs a query on the shop."""

    def run(query: str, *parameters: object) -> list[tuple]:
        with psycopg.connect(shop_dsn, autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    return run


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(module: str, port: int, *words: str, is_ready: Callable[[int], bool]) -> Iterator[subprocess.Popen[bytes]]:
    """One of the stack's servers, for as long as the block lasts."""
    command = [sys.executable, "-m", f"baton_local.{module}", str(port), *words]
    process = subprocess.Popen(command, env={"PYTHONPATH": str(INCLUDE)})
    try:
        retry(retry=retry_if_result(lambda ready: not ready), stop=stop_after_delay(30), wait=wait_fixed(0.05))(
            is_ready
        )(port)
        yield process
    finally:
        process.terminate()
        process.wait(10)
