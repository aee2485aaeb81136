"""The receiver with Airflow's real database on a real PostgreSQL, and a few DAGs that alerts may start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import Engine, create_engine, text
from tests.integration.airflow_parts import airflow_tables

from baton_local.postgres import Postgres

TOKEN = "a-token-of-at-least-thirty-two-characters"
OTHER_TOKEN = "another-token-that-may-only-use-grafana"
SECRET = "a-secret-that-both-sides-calculate-with"
DAGS = ("diagnose", "heal")
Json = dict[str, Any]


@pytest.fixture(scope="package")
def airflow_database(postgres: Postgres) -> Iterator[str]:
    """Airflow's tables and the receiver's in a database of their own; this process's Airflow uses it meanwhile."""
    with airflow_tables(postgres, Path(__file__).parent / "dags") as dsn:
        yield dsn


@pytest.fixture(scope="package")
def engine(airflow_database: str) -> Iterator[Engine]:
    """A connection beside the receiver's."""
    made = create_engine(airflow_database.replace("postgresql://", "postgresql+psycopg2://", 1))
    yield made
    made.dispose()


class Receiver:
    """The receiver under test, with files and a database that tests can change and look at."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.routes = folder / "routes.yaml"
        self.credentials = folder / "credentials.yaml"
        self.engine = engine

    def write_routes(self, *routes: Json, **defaults: Any) -> None:
        """Replace the file of routes."""
        self.routes.write_text(yaml.safe_dump({"version": 1, "defaults": defaults, "routes": list(routes)}))

    def app(self, **options: Any) -> Any:
        """A new receiver, as an API server that starts has one."""
        from baton.alerts.receiver import make_app
        from baton.alerts.settings import Settings

        return make_app(
            Settings(self.credentials, self.routes, **{"max_bytes": 200_000, "retention_days": 30, **options})
        )

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Somebody who has a token."""
        transport = httpx.ASGITransport(app=self.app(**options))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.AsyncClient(transport=transport, base_url="http://receiver/v1", headers=headers)

    def query(self, statement: str, **values: Any) -> list[Json]:
        """Rows of Airflow's database."""
        with self.engine.begin() as connection:
            found = connection.execute(text(statement), values)
            return [dict(row) for row in found.mappings()] if found.returns_rows else []

    def runs(self) -> list[Json]:
        """All runs there are."""
        return self.query("SELECT dag_id, run_id, state, conf, run_after FROM dag_run ORDER BY id")

    def rows(self) -> list[Json]:
        """All decisions there are."""
        return self.query("SELECT * FROM baton_alert_decision ORDER BY id")


@pytest.fixture
def receiver(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A receiver with one route, nothing decided yet, which looks at its files before each post."""
    monkeypatch.setattr("baton.alerts.reloaded_files._LOOK_SECONDS", 0)
    made = Receiver(tmp_path, engine)
    made.query("DELETE FROM log")
    made.query("DELETE FROM dag_run")
    made.query("DELETE FROM baton_alert_decision")
    made.query("DELETE FROM baton_alert_state")
    made.query("DELETE FROM baton_alert_refusal")
    made.query("UPDATE dag SET is_paused = false, is_stale = false, has_import_errors = false")
    made.write_routes(route())
    credentials = [
        {"name": "alertmanager", "type": "bearer", "keys": [{"id": "1", "sha256": sha256(TOKEN.encode()).hexdigest()}]},
        {
            "name": "grafana",
            "type": "bearer",
            "keys": [{"id": "1", "sha256": sha256(OTHER_TOKEN.encode()).hexdigest()}],
            "endpoints": ["grafana"],
            "routes": ["dashboards"],
        },
        {"name": "signer", "type": "hmac", "keys": [{"id": "1", "secret": SECRET}]},
    ]
    made.credentials.write_text(yaml.safe_dump({"credentials": credentials}))
    return made


def route(name: str = "pods", **differences: Any) -> Json:
    """A route that takes all that has a namespace."""
    return {
        "name": name,
        "matchers": ['namespace!=""'],
        "dag": "diagnose",
        "conf": {"namespace": "{{ labels.namespace }}"},
        **differences,
    }


def alert(fingerprint: str = "f1", *, status: str = "firing", **differences: Any) -> Json:
    """An alert as Alertmanager sends it."""
    return {
        "status": status,
        "labels": {"alertname": "CrashLoop", "namespace": "shop"},
        "annotations": {"summary": "it restarts"},
        "startsAt": "2026-11-22T08:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-22T08:30:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": fingerprint,
        **differences,
    }


def group(*alerts: Json, **differences: Any) -> Json:
    """A webhook body, version 4."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="CrashLoop"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "baton",
        "alerts": list(alerts),
        **differences,
    }


@pytest.fixture
def at_moment(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the receiver's clock."""

    def set_to(moment: str) -> None:
        fixed = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        monkeypatch.setattr("baton.alerts.service._now", lambda: fixed)

    return set_to
