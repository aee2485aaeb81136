"""What is asked of Airflow's REST API: ended runs, logs of failed tasks, due DAGs, broken files, its own health.

Why REST: it is Airflow's one stable interface, and whoever tells that Airflow is down must not need it to be up.
Source: Airflow 3.3's REST API reference, ``/api/v2``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from baton_workloads.errors import ConfigurationError

PAGE = 100
ENDED = ("failed", "success")
LOG_LINES = 20
LINE_LENGTH = 300


class UnreachableError(Exception):
    """Airflow does not answer, or answers that it cannot; how, in a few words."""


@dataclass(frozen=True)
class Run:
    """One run that has ended."""

    dag_id: str
    run_id: str
    state: str
    ended: datetime

    @property
    def key(self) -> str:
        """Names this end of this run: a cleared run that ends again is told again."""
        return f"{self.dag_id}/{self.run_id}/{self.ended.isoformat()}"


@dataclass(frozen=True)
class FailedTask:
    """One try that failed, with the end of its log."""

    task_id: str
    map_index: int
    try_number: int
    log_tail: tuple[str, ...]
    link: str


@dataclass(frozen=True)
class DueDag:
    """A DAG that is switched on and whose next run should have been made at ``due``."""

    dag_id: str
    due: datetime
    max_active_runs: int


class AirflowApi:
    """A client that signs in again when its token has expired.

    :param url: address of the web UI.
    :param user: a user who may read DAGs, runs and logs (the role Viewer).
    """

    def __init__(self, url: str, user: str, password: str, timeout_seconds: float = 20) -> None:
        self.url = url.rstrip("/")
        self._login = {"username": user, "password": password}
        self._client = httpx.Client(base_url=self.url, timeout=timeout_seconds)

    def __enter__(self) -> AirflowApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def health(self) -> dict[str, str | None]:
        """Component → ``healthy``, ``unhealthy`` or None (not in use)."""
        answer = self._answer("GET", "/api/v2/monitor/health")
        return {name: part.get("status") for name, part in answer.items()}

    def ended_runs(self, since: datetime) -> list[Run]:
        """Runs that ended at or after a moment, the oldest first."""
        parameters = {"state": ENDED, "end_date_gte": since.isoformat(), "order_by": "end_date"}
        rows = self._pages("/dags/~/dagRuns", "dag_runs", parameters)
        return [
            Run(row["dag_id"], row["dag_run_id"], row["state"], datetime.fromisoformat(row["end_date"])) for row in rows
        ]

    def active_runs(self, dag_id: str) -> int:
        """How many runs of a DAG are queued or running."""
        parameters = {"state": ("queued", "running"), "limit": 1}
        return int(self._get(f"/dags/{quote(dag_id)}/dagRuns", parameters)["total_entries"])

    def failed_tasks(self, run: Run) -> list[FailedTask]:
        """The tasks that failed by themselves, in the order of their ends; what they held up is left out."""
        path = f"/dags/{quote(run.dag_id)}/dagRuns/{quote(run.run_id)}/taskInstances"
        rows = self._pages(path, "task_instances", {"state": "failed", "order_by": "end_date"})
        return [self._failed_task(run, row, path, with_log=index == 0) for index, row in enumerate(rows)]

    def _failed_task(self, run: Run, row: dict[str, Any], path: str, *, with_log: bool) -> FailedTask:
        task_id, index, number = row["task_id"], row["map_index"], row["try_number"]
        tail = self._log_tail(f"{path}/{quote(task_id)}/logs/{number}", index) if with_log else ()
        mapped = f"/mapped/{index}" if index >= 0 else ""
        link = f"{self.run_link(run)}/tasks/{quote(task_id)}{mapped}?try_number={number}"
        return FailedTask(task_id, index, number, tail, link)

    def _log_tail(self, path: str, map_index: int) -> tuple[str, ...]:
        """The last lines of a log; none where it cannot be read, which must not cost the notice."""
        try:
            answer = self._get(path, {"map_index": map_index, "full_content": True})
        except (UnreachableError, ValueError):
            return ()
        lines = [line for entry in answer.get("content", []) for line in _log_lines(entry)]
        return tuple(line[:LINE_LENGTH] for line in lines[-LOG_LINES:])

    def doc(self, dag_id: str) -> str:
        """A DAG's documentation, empty without one."""
        return str(self._get(f"/dags/{quote(dag_id)}/details", {}).get("doc_md") or "")

    def due_dags(self, before: datetime) -> list[DueDag]:
        """DAGs whose next run should have been made before a moment and was not."""
        rows = self._pages("/dags", "dags", {"paused": False, "order_by": "dag_id"})
        due = [(row, datetime.fromisoformat(row["next_dagrun_run_after"])) for row in rows if _is_timed(row)]
        return [DueDag(row["dag_id"], at, row["max_active_runs"] or 16) for row, at in due if at < before]

    def import_errors(self) -> dict[str, str]:
        """DAG files that cannot be read → the last line of each error."""
        rows = self._pages("/importErrors", "import_errors", {})
        return {row["filename"]: (row["stack_trace"].strip().splitlines() or ["?"])[-1] for row in rows}

    def run_link(self, run: Run) -> str:
        """Address of a run in the web UI."""
        return f"{self.url}/dags/{quote(run.dag_id)}/runs/{quote(run.run_id)}"

    def _pages(self, path: str, key: str, parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            rows = self._get(path, {**parameters, "limit": PAGE, "offset": offset})[key]
            yield from rows
            offset += len(rows)
            if len(rows) < PAGE:
                return

    def _get(self, path: str, parameters: dict[str, Any]) -> Any:
        return self._answer(
            "GET", f"/api/v2{path}", params=parameters, headers={"Accept": "application/json"}, signed=True
        )

    def _answer(self, method: str, path: str, *, signed: bool = False, **options: Any) -> Any:
        """One request; signs in when there is no token yet, or when it has expired."""
        if signed and "Authorization" not in self._client.headers:
            self._sign_in()
        response = self._send(method, path, **options)
        if signed and response.status_code == httpx.codes.UNAUTHORIZED:
            self._sign_in()
            response = self._send(method, path, **options)
        if response.status_code == httpx.codes.FORBIDDEN:
            raise ConfigurationError(
                f"Airflow's user {self._login['username']} may not read {path}: give it the role Viewer"
            )
        if response.is_error:
            raise UnreachableError(f"answers {response.status_code} to {path}")
        try:
            return response.json()
        except json.JSONDecodeError as err:
            raise UnreachableError(f"answers no JSON to {path}: is {self.url} Airflow?") from err

    def _sign_in(self) -> None:
        response = self._send("POST", "/auth/token", json=self._login)
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise ConfigurationError(
                f"Airflow at {self.url} refuses the user {self._login['username']}: check the password"
            )
        if response.is_error:
            raise UnreachableError(f"answers {response.status_code} to a login")
        self._client.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **options)
        except httpx.HTTPError as err:
            raise UnreachableError(f"does not answer ({type(err).__name__})") from err


def _is_timed(row: dict[str, Any]) -> bool:
    return bool(row.get("next_dagrun_run_after")) and not row["is_stale"]


def _log_lines(entry: Any) -> list[str]:
    """The lines of one entry of a structured log."""
    if isinstance(entry, str):
        return entry.splitlines()
    text = str(entry.get("event", ""))
    if text.startswith("::") or not text.strip():
        return []  # marks of groups, for the web UI
    detail = entry.get("error_detail") or []
    errors = [f"{item.get('exc_type')}: {item.get('exc_value')}" for item in detail]
    return [*text.splitlines(), *errors]
