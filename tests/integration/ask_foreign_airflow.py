"""Run by a test inside a foreign Airflow: prints what its DAGs and its API server say, as JSON on the last line."""

import json
from pathlib import Path
from typing import Any

from airflow.api_fastapi.app import create_app
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.configuration import conf
from airflow.dag_processing.dagbag import DagBag
from fastapi.testclient import TestClient

import baton

PAGE = "/baton/chains/"
NIGHT = {"hours": 24, "end": "2026-03-03T00:00:00Z"}
REFUSED = ["hours=0", "hours=1000", "end=yesterday", "end=0001-01-01T00:00:00%2B14:00"]


def ask_dags() -> dict[str, Any]:
    """Parse the DAG files as the dag-processor does."""
    bag = DagBag(dag_folder=conf.get("core", "dags_folder"))
    dags = {dag.dag_id: {task.task_id: type(task).__name__ for task in dag.tasks} for dag in bag.dags.values()}
    return {"import_errors": bag.import_errors, "dags": dags}


def ask_server() -> dict[str, Any]:
    """Talk to the whole API server, plugins included."""
    with TestClient(create_app(), follow_redirects=False) as client:
        body = {"username": "ann", "password": "secret"}
        token = client.post("/auth/token", json=body).raise_for_status().json()["access_token"]
        client.cookies.clear()
        bearer = {"Authorization": f"Bearer {token}"}
        credentials = {
            "nobody": {},
            "forged": {"Authorization": f"Bearer {token[:-4]}AAAA"},
            "cookie": {"Cookie": f"_token={token}"},
            "bearer": bearer,
        }
        pages = {
            path: {who: client.get(PAGE + path, headers=headers).status_code for who, headers in credentials.items()}
            for path in ("", "chains.css", "chains.js", "data")
        }
        browser = client.get(PAGE, headers={"Accept": "text/html"})
        page = client.get(PAGE, headers=bearer)
        plugins = client.get("/api/v2/plugins", headers=bearer).raise_for_status()
        return {
            "pages": pages,
            "browser": browser.status_code,
            "login": browser.headers.get("location", ""),
            "html": page.text,
            "policy": page.headers["content-security-policy"],
            "views": [view for plugin in plugins.json()["plugins"] for view in plugin["external_views"]],
            "refused": {query: client.get(f"{PAGE}data?{query}", headers=bearer).status_code for query in REFUSED},
            "data": client.get(f"{PAGE}data", params=NIGHT, headers=bearer).json(),
            "hidden": _ask_as_somebody_without_dags(client, bearer),
        }


def _ask_as_somebody_without_dags(client: TestClient, bearer: dict[str, str]) -> list[Any]:
    """SimpleAuthManager lets everybody read every DAG; another answer of its is enough to see that it is heeded."""
    readable = SimpleAuthManager.filter_authorized_dag_ids
    SimpleAuthManager.filter_authorized_dag_ids = lambda *_, **__: set()  # type: ignore[method-assign]
    try:
        return client.get(f"{PAGE}data", params=NIGHT, headers=bearer).json()["chains"]
    finally:
        SimpleAuthManager.filter_authorized_dag_ids = readable  # type: ignore[method-assign]


if __name__ == "__main__":
    print(json.dumps({"baton": str(Path(baton.__file__).resolve()), **ask_dags(), **ask_server()}))
