"""The OpenAPI document holds: schemathesis sends what it says and what it forbids, with good, bad and weak tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from tests.integration.airflow_parts import VIEWER, bearer
from tests.integration.jobs_api.conftest import Api

from baton.jobs.api import guard
from baton.jobs.api.app import openapi


@pytest.fixture
def unlimited(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An API that takes as many calls as come, with one run in it."""
    monkeypatch.setattr(guard, "RATE_LIMIT", guard.RateLimit(per_minute=10**9, at_once=10**9))
    api.call("POST", "/jobs/by_hand/run", 202)
    return api


def _send(api: Api, headers: dict[str, str], case: Any) -> httpx.Response:
    words = case.as_transport_kwargs(base_url="http://airflow/baton/v1")
    kwargs = {name: words[name] for name in ("params", "json", "cookies") if words.get(name)}
    if isinstance(words.get("data"), bytes | str):
        kwargs["content"] = words["data"]
    shown = {str(name): str(value) for name, value in (words.get("headers") or {}).items()}
    try:
        httpx.Headers(shown).raw  # noqa: B018  (what no client can send)
    except UnicodeEncodeError:
        shown = {}
    path = words["url"].removeprefix("http://airflow")
    return api.server.request(words["method"], path, headers={**shown, **headers}, **kwargs)


def _fuzz(api: Api, each: int) -> set[tuple[str, int]]:
    """Send so many cases of each operation, by each kind of caller; returns what was answered."""
    api.call("PUT", "/jobs/by_hand/schedule", json={"every": "1h"})
    callers = {
        "admin": api.headers,
        "viewer": bearer(api.server, VIEWER),
        "forged": {"Authorization": "Bearer baton_1_forged"},
        "nobody": {"Authorization": ""},
    }
    schema = schemathesis.openapi.from_dict(openapi())
    seen: set[tuple[str, int]] = set()
    limits = settings(
        max_examples=each, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    for result in schema.get_all_operations():
        operation = result.ok()
        check = _checker(api, f"{operation.method.upper()} {operation.path}", callers, seen)
        limits(given(case=operation.as_strategy())(check))()
    return seen


def _checker(
    api: Api, name: str, callers: dict[str, dict[str, str]], seen: set[tuple[str, int]]
) -> Callable[[Any], None]:
    """What must hold of each case of an operation."""

    def check(case: Any) -> None:
        for who, headers in callers.items():
            before = len(api.query("SELECT 1 FROM dag_run"))
            found = _send(api, headers, case)
            assert found.status_code < 500 or found.status_code == 503, (name, who, found.text)
            if found.status_code in (404, 405) and found.json()["detail"] in ("Not Found", "Method Not Allowed"):
                continue  # an id with a slash is another address
            if who in ("forged", "nobody") and not name.endswith("/content"):
                assert found.status_code == 401, (name, who, found.status_code)
            if who == "viewer" and not name.startswith("GET"):
                assert found.status_code in (403, 404, 422), (name, found.status_code, found.text)
            if who != "admin":
                assert len(api.query("SELECT 1 FROM dag_run")) == before
            seen.add((name, found.status_code))

    return check


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_whatever_is_sent_is_answered_as_documented(unlimited: Api) -> None:
    """No error of ours, nothing for strangers, no run without the right to it."""
    documented = {
        (f"{method.upper()} {path}", int(status))
        for path, operations in openapi()["paths"].items()
        for method, operation in operations.items()
        for status in operation["responses"]
    }
    seen = _fuzz(unlimited, 2)
    assert len(seen) > 40
    assert {each for each in seen if each not in documented and each[1] != 405} == set()


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_whatever_is_sent_often_is_answered(unlimited: Api) -> None:
    """The same, at length."""
    _fuzz(unlimited, 300)
