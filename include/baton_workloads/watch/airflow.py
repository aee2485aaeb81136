"""What is asked of Airflow's REST API: ended runs, logs of failed tasks, due DAGs, broken files, its own health.

Why REST: it is Airflow's one stable interface, and whoever tells that Airflow is down must not need it to be up.
Source: Airflow 3.3's REST API reference, ``/api/v2``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel

from baton_workloads.errors import ConfigurationError
from baton_workloads.watch import airflow_responses
from baton_workloads.watch.http import Answer, Http, NoAnswerError
from baton_workloads.watch.text import clean_json, end_of

Model = TypeVar("Model", bound=BaseModel)
Row = TypeVar("Row", bound=BaseModel)

PAGE = 100
MAX_PAGES = 1000
ENDED = ("failed", "success")
LOG_LINES = 20
LINE_LENGTH = 300
LOG_BYTES = 1024 * 1024
"""Of the end of a log; a log may be larger than the watch's memory."""


class UnreachableError(Exception):
    """Airflow does not answer, or answers that it cannot, or something else answers in its place; in a few words.

    :param is_answer: there was an answer, so other questions may be answered better.
    :param status: the answer's, where it was Airflow's own.
    """

    def __init__(self, words: str, *, is_answer: bool = False, status: int = 0) -> None:
        super().__init__(words)
        self.is_answer, self.status = is_answer, status


class RefusedUserError(ConfigurationError):
    """Airflow itself does not let the watch look."""


@dataclass(frozen=True)
class Run:
    """One run that has ended."""

    dag_id: str
    run_id: str
    state: str
    ended: datetime

    @property
    def key(self) -> str:
        """Names this end of this run: a cleared run that ends again is reported again."""
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
    :raises ConfigurationError: the address is none.
    """

    def __init__(self, url: str, user: str, password: str, timeout_seconds: float = 20) -> None:
        self.url = url.rstrip("/")
        self._login = {"username": user, "password": password}
        self._token = ""
        if not _is_address(self.url):
            raise ConfigurationError(f"{self.url!r} is no address of a web UI; see BATON_AIRFLOW_URL")
        self._http = Http(timeout_seconds, base_url=self.url)

    def __enter__(self) -> AirflowApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def health(self) -> dict[str, str | None]:
        """Component → ``healthy``, ``unhealthy`` or None (not in use)."""
        path = "/api/v2/monitor/health"
        parts = _read(airflow_responses.Health, self._answer("GET", path), path)
        return {name: part.status if part else None for name, part in parts}

    def ended_runs(self, since: datetime) -> list[Run]:
        """Runs that ended at or after a moment, the oldest first."""
        parameters = {"state": ENDED, "end_date_gte": since.isoformat(), "order_by": "end_date"}
        rows = self._pages(airflow_responses.Runs, "/dags/~/dagRuns", parameters)
        return [Run(row.dag_id, row.dag_run_id, row.state, row.end_date) for row in rows]

    def active_runs(self, dag_id: str) -> int:
        """How many runs of a DAG are queued or running."""
        parameters = {"state": ("queued", "running"), "limit": 1}
        return self._get(airflow_responses.Count, f"/dags/{quote(dag_id)}/dagRuns", parameters).total_entries

    def failed_tasks(self, run: Run) -> list[FailedTask]:
        """The tasks that failed by themselves, in the order of their ends; what they held up is left out.

        None of a run that Airflow has removed in the meantime.
        """
        path = f"/dags/{quote(run.dag_id)}/dagRuns/{quote(run.run_id)}/taskInstances"
        with _nothing_where_missing():
            rows = self._pages(airflow_responses.Tasks, path, {"state": "failed", "order_by": "end_date"})
            return [self._failed_task(run, row, path, with_log=index == 0) for index, row in enumerate(rows)]
        return []

    def _failed_task(self, run: Run, row: airflow_responses.Task, path: str, *, with_log: bool) -> FailedTask:
        index, number = row.map_index, row.try_number
        tail = self._log_tail(f"{path}/{quote(row.task_id)}/logs/{number}", index) if with_log else ()
        mapped = f"/mapped/{index}" if index >= 0 else ""
        link = f"{self.run_link(run)}/tasks/{quote(row.task_id)}{mapped}?try_number={number}"
        return FailedTask(row.task_id, index, number, tail, link)

    def _log_tail(self, path: str, map_index: int) -> tuple[str, ...]:
        """The last lines of a log of any size; none where it cannot be read, which must not cost the notice."""
        parameters = {"map_index": map_index, "full_content": True}
        try:
            content = self._signed("GET", f"/api/v2{path}", "application/x-ndjson", parameters, tail=LOG_BYTES).content
        except (UnreachableError, ConfigurationError):
            return ()
        lines = [line for entry in content.splitlines() for line in _log_lines(entry)]
        return tuple(end_of(line, LINE_LENGTH) for line in lines[-LOG_LINES:])

    def doc(self, dag_id: str) -> str:
        """A DAG's documentation, empty without one, and where the DAG is gone."""
        with _nothing_where_missing():
            return self._get(airflow_responses.Details, f"/dags/{quote(dag_id)}/details", {}).doc_md or ""
        return ""

    def due_dags(self, before: datetime) -> list[DueDag]:
        """DAGs whose next run should have been made before a moment and was not."""
        rows = self._pages(airflow_responses.Dags, "/dags", {"paused": False, "order_by": "dag_id"})
        due = [(row, row.next_dagrun_run_after) for row in rows if not row.is_stale]
        return [DueDag(row.dag_id, at, row.max_active_runs or 16) for row, at in due if at and at < before]

    def import_errors(self) -> dict[str, str]:
        """DAG files that cannot be read → the last line of each error."""
        rows = self._pages(airflow_responses.ImportErrors, "/importErrors", {})
        return {row.filename: (row.stack_trace.strip().splitlines() or ["?"])[-1] for row in rows}

    def alert_receiver(self) -> airflow_responses.AlertReceiver:
        """How the receiver of alerts is; as if all were well where there is none, or where it does not say."""
        path = "/baton/alerts/state"
        try:
            return _read(airflow_responses.AlertReceiver, self._signed("GET", path, "application/json", {}), path)
        except (UnreachableError, RefusedUserError):  # that Airflow itself answers is looked at elsewhere
            return airflow_responses.AlertReceiver()

    def run_link(self, run: Run) -> str:
        """Address of a run in the web UI."""
        return f"{self.url}/dags/{quote(run.dag_id)}/runs/{quote(run.run_id)}"

    def _pages(self, model: type[airflow_responses.Page[Row]], path: str, parameters: dict[str, Any]) -> list[Row]:
        found: list[Row] = []
        for _ in range(MAX_PAGES):
            page = self._get(model, path, {**parameters, "limit": PAGE, "offset": len(found)})
            found += page.rows
            if len(page.rows) < PAGE:
                return found
        raise UnreachableError(f"gives no end of {path}: is {self.url} Airflow?", is_answer=True)

    def _get(self, model: type[Model], path: str, parameters: dict[str, Any]) -> Model:
        answer = self._signed("GET", f"/api/v2{path}", "application/json", parameters)
        return _read(model, self._checked(answer, path), path)

    def _signed(self, method: str, path: str, accept: str, parameters: dict[str, Any], tail: int = 0) -> Answer:
        """One request; signs in when there is no token yet, or when it has expired."""
        for is_last in (False, True):
            if not self._token:
                self._sign_in()
            headers = {"Accept": accept, "Authorization": f"Bearer {self._token}"}
            answer = self._send(method, path, params=parameters, headers=headers, tail=tail)
            if is_last or answer.status != httpx.codes.UNAUTHORIZED:
                break
            self._token = ""
        return self._checked(answer, path)

    def _answer(self, method: str, path: str, **options: Any) -> Answer:
        return self._checked(self._send(method, path, **options), path)

    def _checked(self, answer: Answer, path: str) -> Answer:
        """An answer that says yes.

        A firewall, an ingress or a login page in front of Airflow says no as well: only Airflow's own words are about
        the user.
        """
        if answer.is_success:
            return answer
        is_own = _is_airflows(answer)
        if is_own and answer.status == httpx.codes.FORBIDDEN:
            raise RefusedUserError(
                f"Airflow's user {self._login['username']} may not read {path}: give it the role Viewer"
            )
        raise UnreachableError(f"{answer.words} to {path}", is_answer=True, status=answer.status if is_own else 0)

    def _sign_in(self) -> None:
        answer = self._send("POST", "/auth/token", json=self._login)
        if answer.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN) and _is_airflows(answer):
            raise RefusedUserError(
                f"Airflow at {self.url} refuses the user {self._login['username']}: check the password"
            )
        if not answer.is_success:
            raise UnreachableError(f"{answer.words} to a login")
        self._token = _read(airflow_responses.Token, answer, "a login").access_token

    def _send(self, method: str, path: str, **options: Any) -> Answer:
        try:
            return self._http.ask(method, path, **options)
        except NoAnswerError as err:
            raise UnreachableError(str(err)) from err


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0 and " " not in url
    except ValueError:
        return False


@contextmanager
def _nothing_where_missing() -> Iterator[None]:
    """Go on after the block where Airflow itself says that something does not exist."""
    try:
        yield
    except UnreachableError as err:
        if err.status != httpx.codes.NOT_FOUND:
            raise


def _read(model: type[Model], answer: Answer, path: str) -> Model:
    """What an answer says, where it is one of Airflow."""
    try:
        return model.model_validate(clean_json(answer.json()))
    except (ValueError, RecursionError) as err:
        raise UnreachableError(
            f"answers something else than Airflow to {path}: a proxy or a login page in front of it?", is_answer=True
        ) from err


def _is_airflows(answer: Answer) -> bool:
    """Whether an error is in the form of Airflow's own."""
    try:
        words = answer.json()
    except ValueError:
        return False
    return isinstance(words, dict) and "detail" in words


def _log_lines(line: bytes) -> list[str]:
    """The lines of one entry of a structured log; none of half an entry, where its beginning was left out."""
    try:
        entry = clean_json(json.loads(line))
    except (ValueError, RecursionError):
        return []
    if isinstance(entry, str):
        return entry.splitlines()
    if not isinstance(entry, dict):
        return []
    text = str(entry.get("event", ""))
    if text.startswith("::") or not text.strip():
        return []  # marks of groups, for the web UI
    details = entry.get("error_detail")
    errors = [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    return [*text.splitlines(), *(f"{item.get('exc_type')}: {item.get('exc_value')}" for item in errors)]
