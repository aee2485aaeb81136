"""The jobs API as Airflow's API server has it, on a real database, with jobs of each kind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import Engine, create_engine, text
from tests.integration.airflow_parts import ADMIN, Server, airflow_tables, api_server, bearer
from tests.integration.conftest import _free_port

from baton_local.postgres import Postgres

V1 = "/baton/v1"
Json = dict[str, Any]
FOLDER = Path(__file__).parent


@pytest.fixture(scope="package")
def airflow_database(postgres: Postgres) -> Iterator[str]:
    """Airflow's tables, and jobs in them."""
    with airflow_tables(postgres, FOLDER / "dags") as dsn:
        yield dsn


@pytest.fixture(scope="package")
def engine(airflow_database: str) -> Iterator[Engine]:
    """A connection beside the server's."""
    made = create_engine(airflow_database.replace("postgresql://", "postgresql+psycopg2://", 1))
    yield made
    made.dispose()


@pytest.fixture(scope="package")
def server(airflow_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The whole API server."""
    with api_server(tmp_path_factory.mktemp("server"), raises=True) as made:
        yield made


class Api:
    """Calls below the API's base address."""

    def __init__(self, server: Server, headers: dict[str, str], engine: Engine) -> None:
        self.server, self.headers, self.engine = server, headers, engine

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """The body of an answer, which has this status."""
        headers = {**self.headers, **options.pop("headers", {})}
        response = self.server.request(method, V1 + path, headers=headers, **options)
        assert response.status_code == status, response.text
        if status >= 400:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == status
        return response.json() if response.content else None

    def as_token(self, name: str, *scopes: str, **limits: list[str]) -> Api:
        """The same with a new token."""
        made = self.call("POST", "/tokens", 201, json={"name": name, "scopes": list(scopes), **limits})
        return Api(self.server, {"Authorization": f"Bearer {made['secret']}"}, self.engine)

    def query(self, statement: str, **values: Any) -> list[Json]:
        """Rows of Airflow's database."""
        with self.engine.begin() as connection:
            found = connection.execute(text(statement), values)
            return [dict(row) for row in found.mappings()] if found.returns_rows else []


@pytest.fixture(scope="package")
def admin(server: Server, engine: Engine) -> Api:
    """An administrator who has signed in to Airflow."""
    return Api(server, bearer(server, ADMIN), engine)


@pytest.fixture
def api(admin: Api) -> Api:
    """The same, with nothing run, moved or paused yet."""
    for table in ("log", "dag_run", "variable", "baton_api_token", "dag_priority_parsing_request"):
        admin.query(f"DELETE FROM {table}")  # noqa: S608  (of the list above)
    admin.query("UPDATE dag SET is_paused = false, is_stale = false, has_import_errors = false")
    return admin


@pytest.fixture(scope="package")
def address(admin: Api) -> Iterator[str]:
    """The server on a port of loopback."""
    port = _free_port()
    server = uvicorn.Server(uvicorn.Config(admin.server.app, "127.0.0.1", port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
