"""A typed client of the jobs API, for Python programs and for `./baton jobs`.

```python
with JobsClient("https://airflow.example.com", token=os.environ["BATON_TOKEN"]) as jobs:
    started = jobs.run("DailySalesReport", {"start_date": "2026-01-01"}, idempotency_key="order-17")
    ended = jobs.wait(started.execution_id)
```
It needs httpx and pydantic, and no Airflow.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from baton.airflow_rest import AirflowError, AirflowRest
from baton.jobs.api.shapes import (
    Download,
    Execution,
    ExecutionDetail,
    ExecutionPage,
    Job,
    JobPage,
    QueuesStatus,
    Report,
    ReportPage,
    Scheduled,
    Started,
    Status,
    Token,
    TokenList,
    TokenMade,
)

ENDED = (Status.SUCCESS, Status.FAILED, Status.CANCELLED)
_BASE = "/baton/v1"
T = TypeVar("T", bound=BaseModel)


class JobsClient:
    """The calls of the API.

    :param url: address of Airflow's web UI.
    :param token: a named token, or one of Airflow's own.
    :raises AirflowError: in every call: it cannot be reached, or refuses; `status` says which, the text why.
    """

    def __init__(self, url: str, token: str) -> None:
        self._rest = AirflowRest(url, token)

    @classmethod
    def signed_in(cls, url: str, user: str, password: str) -> JobsClient:
        """A client of somebody who signs in to Airflow."""
        made = cls(url, "")
        made._rest = AirflowRest.signed_in(url, user, password)
        return made

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._rest.close()

    def jobs(self, **filters: str | bool) -> Iterator[Job]:
        """All jobs that fit: `text`, `tag`, `queue`, `job_type`, `enabled`."""
        for page in self._page(JobPage, "/jobs", filters):
            yield from page.data

    def job(self, job_id: str) -> Job:
        """One job."""
        return self._ask(Job, "GET", f"/jobs/{quote(job_id, safe='')}")

    def run(self, job_id: str, given: dict[str, Any] | None = None, idempotency_key: str | None = None) -> Started:
        """Run a job now."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._ask(
            Started, "POST", f"/jobs/{quote(job_id, safe='')}/run", json={"input": given or {}}, headers=headers
        )

    def pause(self, job_id: str) -> Job:
        """Let no clock start it."""
        return self._ask(Job, "POST", f"/jobs/{quote(job_id, safe='')}/pause")

    def resume(self, job_id: str) -> Job:
        """Let the clock start it again."""
        return self._ask(Job, "POST", f"/jobs/{quote(job_id, safe='')}/resume")

    def reschedule(
        self,
        job_id: str,
        *,
        cron: str | None = None,
        every: str | None = None,
        timezone: str | None = None,
        dry_run: bool = False,
    ) -> Scheduled:
        """Give it another schedule; with `dry_run` only say when it would run."""
        body = {"cron_expression": cron, "every": every, "timezone": timezone, "dry_run": dry_run}
        return self._ask(Scheduled, "PUT", f"/jobs/{quote(job_id, safe='')}/schedule", json=body)

    def reset_schedule(self, job_id: str) -> Scheduled:
        """Let its file say again when it runs."""
        return self._ask(Scheduled, "DELETE", f"/jobs/{quote(job_id, safe='')}/schedule")

    def executions(self, job_id: str, *status: Status) -> Iterator[Execution]:
        """The executions of a job, the newest first."""
        wanted = {"status": list(status)}
        for page in self._page(ExecutionPage, f"/jobs/{quote(job_id, safe='')}/executions", wanted):
            yield from page.data

    def execution(self, execution_id: str) -> ExecutionDetail:
        """One execution, with its steps."""
        return self._ask(ExecutionDetail, "GET", f"/executions/{quote(execution_id, safe='')}")

    def wait(self, execution_id: str, poll_seconds: float = 1.0) -> ExecutionDetail:
        """One execution, when it has ended."""
        while (found := self.execution(execution_id)).status not in ENDED:
            time.sleep(poll_seconds)
        return found

    def cancel(self, execution_id: str) -> Execution:
        """End it."""
        return self._ask(Execution, "POST", f"/executions/{quote(execution_id, safe='')}/cancel")

    def retry(self, execution_id: str, *, whole: bool = False) -> Started:
        """Begin it again: with what failed, or all of it."""
        body = {"mode": "whole" if whole else "failed_steps"}
        return self._ask(Started, "POST", f"/executions/{quote(execution_id, safe='')}/retry", json=body)

    def reports(self, **filters: str) -> Iterator[Report]:
        """Reports, the newest first: `name`, `state`."""
        for page in self._page(ReportPage, "/reports", filters):
            yield from page.data

    def download(self, report_id: str, kind: str | None = None) -> Download:
        """A link to a file of a report."""
        wanted = {"kind": kind} if kind else {}
        return self._ask(Download, "GET", f"/reports/{quote(report_id, safe='')}/download", params=wanted)

    def queues(self) -> QueuesStatus:
        """How the queues stand."""
        return self._ask(QueuesStatus, "GET", "/queues/status")

    def tokens(self) -> list[Token]:
        """All tokens, without their secrets."""
        return self._ask(TokenList, "GET", "/tokens").data

    def make_token(self, name: str, scopes: list[str], jobs: list[str], tags: list[str]) -> TokenMade:
        """Make a token; the secret is in the answer only."""
        return self._ask(
            TokenMade, "POST", "/tokens", json={"name": name, "scopes": scopes, "jobs": jobs, "tags": tags}
        )

    def add_token_key(self, name: str) -> TokenMade:
        """Give a token a second key."""
        return self._ask(TokenMade, "POST", f"/tokens/{quote(name, safe='')}/keys")

    def remove_token_key(self, name: str, key_id: str) -> Token:
        """Take a key from a token."""
        return self._ask(Token, "DELETE", f"/tokens/{quote(name, safe='')}/keys/{quote(key_id, safe='')}")

    def remove_token(self, name: str) -> None:
        """Remove a token."""
        self._rest.call("DELETE", f"{_BASE}/tokens/{quote(name, safe='')}")

    def _ask(self, shape: type[T], method: str, path: str, **options: Any) -> T:
        return shape.model_validate(self._rest.call(method, _BASE + path, **options))

    def _page(self, shape: type[T], path: str, filters: dict[str, Any]) -> Iterator[T]:
        cursor: str | None = ""
        while cursor is not None:
            page = self._ask(shape, "GET", path, params={**filters, **({"cursor": cursor} if cursor else {})})
            yield page
            cursor = getattr(page, "next_cursor", None)


__all__ = ["AirflowError", "JobsClient"]
