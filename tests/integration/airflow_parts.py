"""Airflow's real database on a real PostgreSQL, and its whole API server without a socket, for this process."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from tests.integration.conftest import new_database

from baton_local.postgres import Postgres

MANAGERS = "baton.alerts.db_manager.AlertsDbManager,baton.jobs.api.db_manager.JobsApiDbManager"
ADMIN, VIEWER = "admin", "viewer"
_PASSWORDS = '{"admin": "admin-password", "viewer": "viewer-password"}'


@contextmanager
def environment(changes: dict[str, str]) -> Iterator[None]:
    """Variables of the environment, for as long as a ``with`` block lasts."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def airflow_tables(postgres: Postgres, dags: Path) -> Iterator[str]:
    """Airflow's tables and Baton's in a database of their own, with the DAGs of a folder; this process uses it."""
    with new_database(postgres) as dsn:
        changes = {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": dsn.replace("postgresql://", "postgresql+psycopg2://", 1),
            "AIRFLOW__DATABASE__EXTERNAL_DB_MANAGERS": MANAGERS,
        }
        with environment(changes):
            from airflow.utils.db import initdb

            _reconnect()
            initdb()
            store_dags(dags)
            yield dsn
        _reconnect()


def _reconnect() -> None:
    from airflow import settings

    settings.dispose_orm()
    settings.configure_vars()
    settings.configure_orm()


def store_dags(folder: Path) -> None:
    """Read DAG files and store their DAGs, as the DAG processor does."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(dag_folder=folder, bundle_name="dags-folder")
    assert not bag.import_errors
    sync_bag_to_db(bag, "dags-folder", None)


class Server:
    """The server's answers, without a socket."""

    def __init__(self, app: Any, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self.app = app
        self._runner, self._client = runner, client

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; cookies are not kept."""
        response = self._runner.run(self._client.request(method, path, **options))
        self._client.cookies.clear()
        return response

    def get(self, path: str, **options: Any) -> httpx.Response:
        """One question."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """One order."""
        return self.request("POST", path, **options)


@contextmanager
def api_server(folder: Path, *, raises: bool = False, **more: str) -> Iterator[Server]:
    """The whole API server, plugins included, with an admin and a viewer.

    :param folder: for its files.
    :param raises: what would be answered with 500 is raised.
    :param more: further variables of its environment.
    """
    passwords = folder / "passwords.json"
    passwords.write_text(_PASSWORDS)
    changes = {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of sixty-four bytes, which is what SHA-512 wants to have" * 2,
        "AIRFLOW__API__SECRET_KEY": "a secret that the API servers of an installation share",
        **more,
    }
    with environment(changes):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Airflow imports FastAPI's test client, which wants another httpx
            from airflow.api_fastapi.app import create_app, purge_cached_app

            purge_cached_app()
            app = create_app(apps="core")
        with asyncio.Runner() as runner:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=raises)
            yield Server(app, runner, httpx.AsyncClient(transport=transport, base_url="http://airflow"))
        purge_cached_app()


def bearer(server: Server, user: str) -> dict[str, str]:
    """The header of somebody who has signed in."""
    body = {"username": user, "password": f"{user}-password"}
    token = server.post("/auth/token", json=body).raise_for_status().json()["access_token"]
    return {"Authorization": f"Bearer {token}"}
