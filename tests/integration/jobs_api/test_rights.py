"""Who may do what: people by Airflow's auth manager, programs by the scopes and limits of their tokens."""

from __future__ import annotations

import pytest
from tests.integration.airflow_parts import VIEWER, Server, bearer
from tests.integration.jobs_api.conftest import Api

ORDERS = {
    "run": ("POST", "/jobs/by_hand/run", 202),
    "cancel": ("POST", "/executions/{execution}/cancel", 200),
    "pause": ("POST", "/jobs/by_hand/pause", 200),
    "resume": ("POST", "/jobs/by_hand/resume", 200),
    "reset": ("DELETE", "/jobs/by_hand/schedule", 200),
}
MAY = {"read": set(), "run": {"run", "cancel"}, "manage": {"pause", "resume", "reset"}}


@pytest.mark.parametrize("scope", MAY)
def test_a_token_may_what_its_scope_says(api: Api, scope: str) -> None:
    """And nothing else; without the scope read it does not see what it may run."""
    execution = api.call("POST", "/jobs/by_hand/run", 202)["execution_id"]
    token = api.as_token(scope, scope)
    for name, (method, path, status) in ORDERS.items():
        allowed = name in MAY[scope]
        refused = 403 if scope == "read" else 404 if not allowed else 0
        found = token.server.request(method, "/baton/v1" + path.format(execution=execution), headers=token.headers)
        assert found.status_code == (status if allowed else found.status_code), found.text
        assert allowed or found.status_code in (403, 404), (name, refused, found.text)
    seen = {job["id"] for job in token.call("GET", "/jobs")["data"]}
    assert bool(seen) is (scope == "read")


def test_a_token_reaches_only_what_it_is_limited_to(api: Api) -> None:
    """By jobs and by tags."""
    token = api.as_token("limited", "read", "run", jobs=["by_hand"], tags=["team/build"])
    assert [job["id"] for job in token.call("GET", "/jobs")["data"]] == ["by_hand", "nightly_build"]
    token.call("POST", "/jobs/by_hand/run", 202)
    token.call("POST", "/jobs/DailySalesReport/run", 404)
    other = api.call("POST", "/jobs/DailySalesReport/run", 202)["execution_id"]
    token.call("GET", f"/executions/{other}", 404)
    token.call("POST", f"/executions/{other}/cancel", 404)
    assert [row["owner"] for row in api.query("SELECT owner FROM log WHERE dag_id = 'by_hand'")] == [
        "jobs: token limited"
    ]


def test_a_viewer_sees_and_changes_nothing(api: Api, server: Server) -> None:
    """Whoever Airflow lets look, may look."""
    execution = api.call("POST", "/jobs/by_hand/run", 202)["execution_id"]
    viewer = Api(server, bearer(server, VIEWER), api.engine)
    assert [job["may"] for job in viewer.call("GET", "/jobs")["data"]] == [[]] * 5
    viewer.call("GET", f"/executions/{execution}")
    for method, path, _ in ORDERS.values():
        viewer.call(method, path.format(execution=execution), 403)
    viewer.call("PUT", "/jobs/by_hand/schedule", 403, json={"every": "1h"})
    viewer.call("POST", "/tokens", 403, json={"name": "mine", "scopes": ["manage"]})
    viewer.call("GET", "/tokens", 403)


def test_two_keys_live_while_one_is_changed(api: Api) -> None:
    """The secret is nowhere afterwards, and a key that is removed counts no more."""
    first = api.as_token("ci", "read")
    second = api.call("POST", "/tokens/ci/keys", 201)
    assert [key["id"] for key in second["keys"]] == ["1", "2"]
    changed = Api(api.server, {"Authorization": f"Bearer {second['secret']}"}, api.engine)
    for token in (first, changed):
        token.call("GET", "/jobs")
    api.call("POST", "/tokens/ci/keys", 409)
    api.call("DELETE", "/tokens/ci/keys/1")
    first.call("GET", "/jobs", 401)
    changed.call("GET", "/jobs")
    api.call("DELETE", "/tokens/ci/keys/2", 409)
    stored = str(api.query("SELECT * FROM baton_api_token") + api.query("SELECT * FROM log"))
    assert second["secret"] not in stored
    changed.call("POST", "/tokens", 403, json={"name": "more", "scopes": ["read"]})
    api.call("DELETE", "/tokens/ci", 204)
    changed.call("GET", "/jobs", 401)
    api.call("POST", "/tokens", 422, json={"name": "x", "scopes": ["all"]})


def test_nobody_is_told_what_to_do(api: Api, server: Server) -> None:
    """And what strangers send is a problem like any other."""
    stranger = Api(server, {}, api.engine)
    assert "token" in stranger.call("GET", "/jobs", 401)["detail"]
    Api(server, {"Authorization": "Bearer baton_1_forged"}, api.engine).call("POST", "/jobs/by_hand/run", 401)
    api.call("POST", "/jobs/by_hand/run", 413, content=b'{"input": {"a": "' + b"x" * 300_000 + b'"}}')
    for broken in (b"{", b"[]", b"\xff", b'{"input": 7}', b'{"other": {}}', b"[" * 2000):
        api.call("POST", "/jobs/by_hand/run", 422, content=broken)


def test_who_calls_too_often_is_asked_to_wait(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each caller for itself."""
    from baton.jobs.api import guard

    monkeypatch.setattr(guard, "RATE_LIMIT", guard.RateLimit(per_minute=1, at_once=3))
    other = None
    statuses = [api.server.get("/baton/v1/jobs/by_hand", headers=api.headers).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    monkeypatch.setattr(guard, "RATE_LIMIT", guard.RateLimit(per_minute=1, at_once=4))
    other = api.as_token("other", "read")
    for _ in range(3):
        api.server.get("/baton/v1/jobs/by_hand", headers=api.headers)
    assert api.server.get("/baton/v1/jobs/by_hand", headers=api.headers).headers["retry-after"] == "60"
    other.call("GET", "/jobs/by_hand")
