"""Airflow's REST API, as much of it as the command line needs."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_fixed

from baton_local.errors import StackError

PATIENCE_SECONDS = 60


@dataclass
class AirflowApi:
    """A signed-in client of one Airflow.

    :param url: address of the web UI, without a path.
    """

    url: str
    user: str
    password: str

    def token(self) -> str:
        """Sign in; returns a JWT for requests.

        :raises StackError: Airflow refuses.
        """
        body = {"username": self.user, "password": self.password}
        response = httpx.post(f"{self.url}/auth/token", json=body, timeout=30)
        if response.is_error:
            raise StackError(f"Airflow at {self.url} refused to sign in {self.user}: {response.text}")
        return str(response.json()["access_token"])

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token()}"}, timeout=30)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if "_client" in self.__dict__:
            self._client.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One request below ``/api/v2``; returns the decoded body.

        :raises StackError: Airflow cannot be reached or refuses; its reason is in the message.
        """
        # What says how things shall be may be said again: the api-server may be busy, or on its way up after a kill.
        # What makes something new may not.
        patience = stop_after_delay(PATIENCE_SECONDS) if method in ("GET", "PATCH") else stop_after_attempt(1)
        asking = Retrying(
            retry=retry_if_exception_type(httpx.HTTPError), stop=patience, wait=wait_fixed(0.5), reraise=True
        )
        try:
            response = asking(self._client.request, method, f"/api/v2{path}", **options)
        except httpx.HTTPError as err:
            raise StackError(f"cannot reach Airflow at {self.url}: {err}. See ./baton status") from err
        if response.is_error:
            raise StackError(f"Airflow refused {method} {path} ({response.status_code}): {_reason(response)}")
        return response.json() if response.content else None

    def dag_is_known(self, dag_id: str) -> bool:
        """Whether the dag-processor has stored this DAG and it can run now."""
        found: list[dict[str, Any]] = self.call("GET", "/dags", params={"dag_id_pattern": dag_id, "limit": 100})["dags"]
        return any(dag["dag_id"] == dag_id and not dag["is_stale"] for dag in found)

    def read_again(self, tag: str) -> None:
        """Let the dag-processor read the files of all DAGs with a tag now, ahead of their turn."""
        found: list[dict[str, Any]] = self.call("GET", "/dags", params={"tags": tag, "limit": 1000})["dags"]
        for token in {dag["file_token"] for dag in found}:
            with suppress(StackError):  # somebody else has asked for it
                self.call("PUT", f"/parseDagFile/{token}")

    def import_errors(self) -> list[dict[str, Any]]:
        """DAG files that could not be read, with their tracebacks."""
        found: list[dict[str, Any]] = self.call("GET", "/importErrors")["import_errors"]
        return found

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's runs start."""
        self.call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Let no more of a DAG's runs start."""
        self.call("PATCH", f"/dags/{dag_id}", json={"is_paused": True})

    def is_paused(self, dag_id: str) -> bool:
        """Whether a DAG is switched off."""
        return bool(self.call("GET", f"/dags/{dag_id}")["is_paused"])

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None, run_id: str | None = None) -> dict[str, Any]:
        """Start a run now; returns it as the API does."""
        body = {"logical_date": None, "conf": conf or {}, **({"dag_run_id": run_id} if run_id else {})}
        run: dict[str, Any] = self.call("POST", f"/dags/{dag_id}/dagRuns", json=body)
        return run

    def active_run(self, dag_id: str) -> str | None:
        """The id of the oldest run that is queued or running, if any."""
        parameters = {"state": ["queued", "running"], "order_by": "run_after", "limit": 1}
        runs: list[dict[str, Any]] = self.call("GET", f"/dags/{dag_id}/dagRuns", params=parameters)["dag_runs"]
        return str(runs[0]["dag_run_id"]) if runs else None

    def run_now(self, dag_id: str, patience_seconds: float = 5) -> str:
        """Switch a DAG on and return the id of a run that starts now.

        A DAG that is switched on makes up for the latest run that its timetable owes; where one is owed, that is the
        run. Else a run is triggered.
        """
        self.unpause(dag_id)
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if run_id := self.active_run(dag_id):
                return run_id
            time.sleep(0.2)
        return str(self.trigger(dag_id)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One run."""
        found: dict[str, Any] = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")
        return found

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run."""
        found: list[dict[str, Any]] = self.call(
            "GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 1000}
        )["task_instances"]
        return found

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned (its XCom ``return_value``)."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        value = self.call("GET", path, params={"deserialize": "true"})["value"]
        return json.loads(value) if isinstance(value, str) else value

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> str:
        """The log of one attempt of a task, as plain text."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        response = self._client.get(path, params={"full_content": "true"}, headers={"Accept": "application/x-ndjson"})
        lines = [json.loads(line) for line in response.text.splitlines() if line.startswith("{")]
        return "\n".join(str(line.get("event", "")) for line in lines)


def _reason(response: httpx.Response) -> str:
    try:
        detail = response.json().get("detail", response.text)
    except ValueError:
        detail = response.text
    return detail if isinstance(detail, str) else json.dumps(detail)
