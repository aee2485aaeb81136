"""Airflow's REST API, as much of it as the command line needs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import httpx

from baton_local.errors import StackError

TIMEOUT = 30.0
"""Seconds for one answer; a request that may be repeated is then sent again."""
SILENCE_SECONDS = 600.0
"""How long nothing at all may be heard of an Airflow that runs: a busy machine is slow, not broken."""
SAY_EVERY_SECONDS = 15.0

REPEATABLE = (httpx.HTTPError,)
NOT_HEARD = (httpx.ConnectError, httpx.ConnectTimeout)


def _on_standard_error(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class AirflowApi:
    """A signed-in client of one Airflow.

    :param url: address of the web UI, without a path.
    :param dead_components: the names of those that have ended for good; asked while Airflow does not answer.
    :param report: called with what is waited for, when it takes long.
    """

    url: str
    user: str
    password: str
    dead_components: Callable[[], list[str]] = list
    report: Callable[[str], None] = _on_standard_error

    def token(self) -> str:
        """Sign in; returns a JWT for requests.

        :raises StackError: Airflow refuses.
        """
        body = {"username": self.user, "password": self.password}
        response = self._patient(lambda: httpx.post(f"{self.url}/auth/token", json=body, timeout=TIMEOUT), REPEATABLE)
        if response.is_error:
            raise StackError(f"Airflow at {self.url} refused to sign in {self.user}: {response.text}")
        return str(response.json()["access_token"])

    @cached_property
    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token()}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if "_client" in self.__dict__:
            self._client.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One request below ``/api/v2``; returns the decoded body.

        :raises StackError: Airflow cannot be reached or refuses; its reason is in the message.
        """
        response = self._send(method, path, **options)
        return response.json() if response.content else None

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        # What says how things shall be may be said again: the api-server may be busy, or on its way up after a kill.
        # What makes something new may be said again only when it was not heard, so it is given all the time there is.
        repeatable = method in ("GET", "PATCH")
        timeout = TIMEOUT if repeatable else httpx.Timeout(SILENCE_SECONDS, connect=TIMEOUT)
        client = self._client
        response = self._patient(
            lambda: client.request(method, f"/api/v2{path}", timeout=timeout, **options),
            REPEATABLE if repeatable else NOT_HEARD,
        )
        if response.is_error:
            raise StackError(f"Airflow refused {method} {path} ({response.status_code}): {_reason(response)}")
        return response

    def _patient(self, ask: Callable[[], httpx.Response], again: tuple[type[httpx.HTTPError], ...]) -> httpx.Response:
        """Ask until there is an answer, a component is dead, or Airflow was silent for a long time."""
        began = said = time.monotonic()
        while True:
            try:
                return ask()
            except httpx.HTTPError as err:
                silent = time.monotonic() - began
                dead = self.dead_components()
                if dead or silent > SILENCE_SECONDS or not isinstance(err, again):
                    what = f"{', '.join(dead)} does not run" if dead else f"no answer for {silent:.0f} s: {err}"
                    raise StackError(f"cannot reach Airflow at {self.url}: {what}. See ./baton status") from err
            if time.monotonic() - said > SAY_EVERY_SECONDS:
                said = time.monotonic()
                self.report(f"Waiting for Airflow's api-server, which has not answered for {said - began:.0f} s …")
            time.sleep(0.5)

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

    def trigger(
        self,
        dag_id: str,
        conf: dict[str, Any] | None = None,
        run_id: str | None = None,
        logical_date: str | None = None,
    ) -> dict[str, Any]:
        """Make one more run; returns it as the API does. Its tasks start when the DAG is on."""
        body = {"logical_date": logical_date, "conf": conf or {}, **({"dag_run_id": run_id} if run_id else {})}
        run: dict[str, Any] = self.call("POST", f"/dags/{dag_id}/dagRuns", json=body)
        return run

    def active_run(self, dag_id: str) -> str | None:
        """The id of the oldest run that is queued or running, if any."""
        parameters = {"state": ["queued", "running"], "order_by": "run_after", "limit": 1}
        runs: list[dict[str, Any]] = self.call("GET", f"/dags/{dag_id}/dagRuns", params=parameters)["dag_runs"]
        return str(runs[0]["dag_run_id"]) if runs else None

    def run_now(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Switch a DAG on and return the id of a run that starts now: the only one that this starts.

        A DAG that is switched on makes up for the latest run that its timetable owes. Where one is owed, that is the
        run; with parameters, which it could not take, a run by hand takes its place under its logical date.

        :raises StackError: parameters, and the owed run is one of a partition, whose place no other run can take.
        """
        dag = self.call("GET", f"/dags/{dag_id}")
        owed_at = dag["next_dagrun_run_after"]
        if owed_at is None or datetime.fromisoformat(owed_at) > datetime.now(UTC):
            self.unpause(dag_id)
            return str(self.trigger(dag_id, conf)["dag_run_id"])
        if conf:
            place = dag["next_dagrun_logical_date"]
            if place is None:
                raise StackError(f"{dag_id} owes its run of {owed_at}, which takes no --conf: trigger it without first")
            run = self.trigger(dag_id, conf, logical_date=place)
            self.unpause(dag_id)
            return str(run["dag_run_id"])
        before = self._latest_by_schedule(dag_id)
        self.unpause(dag_id)
        return self._await_owed(dag_id, owed_at, before)

    def _latest_by_schedule(self, dag_id: str) -> str | None:
        parameters = {"run_type": "scheduled", "order_by": "-id", "limit": 1}
        runs: list[dict[str, Any]] = self.call("GET", f"/dags/{dag_id}/dagRuns", params=parameters)["dag_runs"]
        return str(runs[0]["dag_run_id"]) if runs else None

    def _await_owed(self, dag_id: str, owed_at: str, before: str | None) -> str:
        """Wait until the scheduler has made the run that it owes."""
        began = said = time.monotonic()
        while (run_id := self._latest_by_schedule(dag_id)) in (None, before):
            now = time.monotonic()
            dead = self.dead_components()
            if dead or now - began > SILENCE_SECONDS:
                why = f"{', '.join(dead)} does not run" if dead else f"not within {now - began:.0f} s"
                raise StackError(f"the scheduler did not start {dag_id}'s run of {owed_at}: {why}. See ./baton status")
            if now - said > SAY_EVERY_SECONDS:
                said = now
                self.report(f"Waiting for the scheduler, which has to start {dag_id}'s run of {owed_at} …")
            time.sleep(0.2)
        return str(run_id)

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

    def log_lines(
        self, dag_id: str, run_id: str, task_id: str, attempt: int, map_index: int = -1
    ) -> list[dict[str, Any]]:
        """The log of one attempt of a task: its lines with their fields, ``event`` and sometimes ``error_detail``."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        parameters = {"full_content": "true", "map_index": map_index}
        response = self._send("GET", path, params=parameters, headers={"Accept": "application/x-ndjson"})
        return [json.loads(line) for line in response.text.splitlines() if line.startswith("{")]

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> str:
        """The log of one attempt of a task, as plain text."""
        return "\n".join(str(line.get("event", "")) for line in self.log_lines(dag_id, run_id, task_id, attempt))


def _reason(response: httpx.Response) -> str:
    try:
        detail = response.json().get("detail", response.text)
    except ValueError:
        detail = response.text
    return detail if isinstance(detail, str) else json.dumps(detail)
