"""Every address that the plugin adds to Airflow's API server, which asks for no login unless the plugin does."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest import mock

import httpx
import pytest
from starlette.routing import Route
from tests.integration.airflow_parts import ADMIN, VIEWER, Server, api_server, bearer
from tests.integration.alerts.conftest import Receiver, alert, group, route

from baton.functions.callback_tokens import TOKEN_HEADER, Callback, Signer

SENDERS = ("/alerts/v1/", "/baton/functions/")
"""Below these, senders show credentials of their own; Airflow's tokens count as little as none."""
JOBS = "/baton/v1/"
"""Below this, who may see a job and may not change it is told apart from who may not see it: there is no job x."""


@pytest.fixture(scope="module")
def server(airflow_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The whole API server, plugins included, with an admin and a viewer."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "credentials.yaml").write_text("credentials: []")
    own = {
        "BATON_ALERTS_CREDENTIALS": str(folder / "credentials.yaml"),
        "BATON_ALERTS_ROUTES": str(folder / "routes.yaml"),
        "AIRFLOW_CONN_FUNCTION_CALLBACKS": '{"conn_type": "generic", "password": "a key which signs callback address"}',
    }
    healing = route("healing", dag="heal", matchers=['alertname="Heal"'])
    (folder / "routes.yaml").write_text(json.dumps({"version": 1, "routes": [healing, route(cooldown="1h")]}))
    with api_server(folder, **own) as made:
        yield made


def addresses() -> list[tuple[str, str]]:
    """Method and path of whatever the plugin serves."""
    from baton.plugin import BatonPlugin

    found = []
    for app in BatonPlugin().fastapi_apps:
        for each in app["app"].routes:
            assert isinstance(each, Route), f"{each} is of a kind that this test does not know"
            path = app["url_prefix"] + re.sub(r"\{[^}]*\}", "x", each.path)
            found += [(method, path) for method in sorted(each.methods or ())]
    return found


def test_nothing_is_answered_without_a_login(server: Server) -> None:
    """Not to strangers and not with a forged token; page, data and receiver alike."""
    found = addresses()
    assert {path.split("/")[1] for _, path in found} == {"baton", "alerts"}
    for headers in ({}, {"Authorization": "Bearer forged"}, {"Cookie": "_token=forged"}):
        statuses = {(method, path): server.request(method, path, headers=headers).status_code for method, path in found}
        assert {status for status in statuses.values()} <= {401, 403}, statuses


def test_nothing_is_read_of_what_strangers_send(server: Server) -> None:
    """A body is read when its sender is known: what was read is held in memory."""
    read: list[str] = []

    async def body(path: str) -> AsyncIterator[bytes]:
        read.append(path)
        yield b"{}"

    signature = {"X-Baton-Signature": "0" * 64, "X-Baton-Timestamp": str(int(time.time()))}
    for headers in ({}, {"Authorization": "Bearer forged"}, signature):
        for method, path in addresses():
            server.request(method, path, headers=headers, content=body(path))
    assert read == []


def test_viewers_read_and_change_nothing(server: Server, receiver: Receiver) -> None:
    """A viewer's token opens pages and their data; it is no sender's token and throws no switch."""
    headers = bearer(server, VIEWER)
    for method, path in addresses():
        status = server.request(method, path, headers=headers, json={"on": False}).status_code
        if path.startswith(SENDERS):
            assert status in (401, 403), path
        elif path.startswith(JOBS) and ("/x" in path or "/tokens" in path):
            assert status in (403, 404, 405, 422, 503), path  # 503: no delivery ledger here
        elif method in ("GET", "HEAD"):
            assert status in (200, 422, 503), path
        else:
            assert status == 403, path
    assert receiver.query("SELECT name FROM baton_alert_state WHERE name LIKE 'off:%'") == []


def test_editor_throws_the_switch_and_it_is_seen(server: Server, receiver: Receiver) -> None:
    """Who did it stands on the page. A name that no route has is refused: the route that was meant would go on."""
    headers = bearer(server, ADMIN)
    for on, off in ((False, [("pods", "admin")]), (True, [])):
        server.post("/baton/alerts/switch", headers=headers, json={"route": "pods", "on": on}).raise_for_status()
        state = server.get("/baton/alerts/state", headers=headers).json()
        assert [(entry["route"], entry["by"]) for entry in state["off"]] == off
    for wrong in ({"route": "pdos", "on": False}, {"route": "\x00", "on": True}):
        response = server.post("/baton/alerts/switch", headers=headers, json=wrong)
        assert response.status_code in (404, 422), response.text
    assert server.get("/baton/alerts/state", headers=headers).json()["off"] == []
    for content in (b"", b"[" * 500, b"{" * 5000, b"\xff", b'{"on": "maybe"}'):
        status = server.post("/baton/alerts/switch", headers=headers, content=content).status_code
        assert status == (413 if len(content) > 4096 else 422), content
    elsewhere = {**headers, "Sec-Fetch-Site": "cross-site"}
    assert server.post("/baton/alerts/switch", headers=elsewhere, json={"on": False}).status_code == 403


def test_page_lists_decisions(server: Server, receiver: Receiver) -> None:
    """Newest first, by route, verdict and text, and page by page."""
    body = group(alert("f1"), alert("f2", labels={"alertname": "Other 100%"}), alert("f3"))

    async def send() -> None:
        async with receiver.client() as client:
            (await client.post("alertmanager", json=body)).raise_for_status()

    asyncio.run(send())
    headers = bearer(server, VIEWER)

    def seen(**query: Any) -> list[str]:
        response = server.get("/baton/alerts/data", headers=headers, params=query).raise_for_status()
        return [row["fingerprint"] for row in response.json()["rows"]]

    newest = server.get("/baton/alerts/data", headers=headers).json()["rows"][0]
    assert seen() == ["f3", "f2", "f1"]
    assert seen(before=newest["id"]) == ["f2", "f1"]
    assert seen(route="pods") == ["f3", "f1"]
    assert seen(route="") == ["f2"]
    assert seen(verdict=["run", "covered"]) == ["f3", "f1"]
    assert seen(text="other 100%") == ["f2"]
    assert seen(text="%") == ["f2"]
    assert newest["labels"] == {"alertname": "CrashLoop", "namespace": "shop"}
    for odd in ({"verdict": "x"}, {"text": "\x00"}, {"route": "a\x00"}):
        assert server.get("/baton/alerts/data", headers=headers, params=odd).status_code == 422


def test_replay_decides_anew(server: Server, receiver: Receiver) -> None:
    """What started nothing starts a run when it can; an alert with a run gets another only as a new alert."""
    receiver.query("UPDATE dag SET is_paused = true WHERE dag_id = 'diagnose'")

    async def send() -> None:
        async with receiver.client() as client:
            (
                await client.post("alertmanager", json=group(alert("f1"), alert("f2", labels={"a": "b"})))
            ).raise_for_status()

    asyncio.run(send())
    numbers = {row["fingerprint"]: row["id"] for row in receiver.rows()}
    assert [row["verdict"] for row in receiver.rows()] == ["no_target", "unmatched"]
    headers = bearer(server, ADMIN)

    def replay(**wanted: Any) -> httpx.Response:
        return server.post("/baton/alerts/replay", headers=headers, json=wanted)

    def decided(**wanted: Any) -> list[tuple[str, bool]]:
        found = replay(**wanted).raise_for_status().json()["decisions"]
        return [(one["decision"], one["repeated"]) for one in found]

    assert decided(ids=[numbers["f2"]]) == [("unmatched", True)]
    assert decided(ids=[numbers["f1"]]) == [("no_target", True)]
    receiver.query("UPDATE dag SET is_paused = false WHERE dag_id = 'diagnose'")
    assert decided(ids=list(numbers.values())) == [("run", False), ("unmatched", True)]
    assert decided(ids=[numbers["f1"]]) == [("run", True)]
    assert decided(ids=[numbers["f1"]], new=True) == [("run", False)]
    assert len(receiver.runs()) == 2
    rows = server.get("/baton/alerts/data", headers=headers, params={"verdict": "run"}).json()["rows"]
    assert [(row["sender"], row["run_state"]) for row in rows] == [("replayed by admin", "queued")] * 2
    assert replay(ids=[10**12]).status_code == 404
    for odd in ({"ids": []}, {"ids": [-1]}, {"ids": ["x"]}, {"ids": [2**70]}, {}):
        assert server.post("/baton/alerts/replay", headers=headers, json=odd).status_code == 422


def test_refused_posts_are_on_the_page_until_somebody_has_seen_to_them(server: Server, receiver: Receiver) -> None:
    """Who, where, how often, why and when last."""

    async def send() -> None:
        async with receiver.client(max_bytes=1000) as client:
            for _ in range(3):
                assert (await client.post("alertmanager", content=b"1" * 2000)).status_code == 413

    asyncio.run(send())
    headers = bearer(server, ADMIN)
    [row] = server.get("/baton/alerts/state", headers=headers).json()["refused"]
    assert (row["sender"], row["endpoint"], row["status"], row["times"]) == ("alertmanager", "alertmanager", 413, 3)
    assert row["reason"] == "the body has more than 1000 bytes"
    assert server.post("/baton/alerts/forget-refused", headers=headers, json={}).json() == {"forgotten": 1}
    assert server.get("/baton/alerts/state", headers=headers).json()["refused"] == []


def test_switch_that_ends_by_itself(server: Server, receiver: Receiver) -> None:
    """Nobody forgets it; another click sets another end."""
    headers = bearer(server, ADMIN)
    for minutes, known in ((60, True), (None, False), (5, True)):
        body = {"on": False, "minutes": minutes}
        [entry] = server.post("/baton/alerts/switch", headers=headers, json=body).raise_for_status().json()["off"]
        assert bool(entry["until"]) == known
    receiver.query("UPDATE baton_alert_state SET value = '2026-01-01T00:00:00+00:00' WHERE name = 'off:'")
    assert server.get("/baton/alerts/state", headers=headers).json()["off"] == []
    for odd in (0, -1, 10**9, "x"):
        assert (
            server.post("/baton/alerts/switch", headers=headers, json={"on": False, "minutes": odd}).status_code == 422
        )


def test_readers_see_nothing_of_dags_that_they_may_not_read(server: Server, receiver: Receiver) -> None:
    """Neither decisions, whatever was decided, nor counts, nor routes, nor switches, nor what is wrong with files."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    receiver.write_routes(route(), route("healing", dag="heal", matchers=['alertname="Heal"']))

    async def send(*alerts: Any) -> None:
        async with receiver.client() as client:
            (await client.post("alertmanager", json=group(*alerts))).raise_for_status()

    heal = {"alertname": "Heal"}
    asyncio.run(
        send(alert("f1", labels=heal), alert("f1", labels=heal, status="resolved"), alert("f2", labels={"x": "y"}))
    )
    receiver.query(
        "INSERT INTO baton_alert_state (name, value, changed_by, changed_at) VALUES ('off:healing', 'off', 'me', now())"
    )
    asyncio.run(send(alert("f3", labels=heal)))
    assert {row["verdict"] for row in receiver.rows()} == {"run", "resolved", "off", "unmatched"}
    headers = bearer(server, VIEWER)
    with mock.patch.object(SimpleAuthManager, "get_authorized_dag_ids", return_value={"diagnose"}):
        rows = server.get("/baton/alerts/data", headers=headers).json()["rows"]
        state = server.get("/baton/alerts/state", headers=headers).json()
    assert [row["fingerprint"] for row in rows] == ["f2"]
    assert state["day"] == {"unmatched": {"alerts": 1, "repeats": 0}}
    assert "heal" not in str(state)


def test_decisions_are_counted_by_name(server: Server, receiver: Receiver) -> None:
    """With their repeats, over whatever pages; those of DAGs that the reader may not read are none of theirs."""

    async def send() -> None:
        async with receiver.client() as client:
            for _ in range(2):
                alerts = (alert(f"f{number}", labels={"alertname": "Odd", "n": str(number)}) for number in range(250))
                (await client.post("alertmanager", json=group(alert(), *alerts))).raise_for_status()

    asyncio.run(send())
    headers = bearer(server, VIEWER)
    found = server.get("/baton/alerts/counted", headers=headers, params={"since": "2026-11-01T00:00:00+00:00"}).json()
    assert found == {
        "decisions": [
            {"alert": "Odd", "decision": "no route matched", "count": 500},
            {"alert": "CrashLoop", "decision": "made a run", "count": 2},
        ],
        "left_out": 0,
    }
    assert server.get("/baton/alerts/counted", headers=headers).status_code == 422


def test_missing_tables_are_said_with_what_to_do(server: Server, receiver: Receiver) -> None:
    """As in an Airflow that has the wheel but was not migrated."""
    receiver.query("ALTER TABLE baton_alert_decision RENAME TO hidden")
    try:
        response = server.get("/baton/alerts/data", headers=bearer(server, VIEWER))
    finally:
        receiver.query("ALTER TABLE hidden RENAME TO baton_alert_decision")
    assert response.status_code == 503
    assert "external_db_managers" in response.json()["detail"]


def test_no_callback_address_stands_in_the_access_log(server: Server) -> None:
    """It is a credential. A question whether an answer has come is taken by header only: none that a log could show."""
    expires_at = int(time.time()) + 600
    token = Signer(["a key which signs callback address"]).sign(Callback("d", "r", "t", -1, "call", expires_at, 1000))
    path = "/baton/functions/v1/callbacks"
    with mock.patch("airflow.api_fastapi.common.http_access_log.logger") as log:
        posted = server.post(f"{path}/{token}", content=b"7")
        again = server.post(f"{path}/{token}", content=b"7")
        forged = server.post(f"{path}/{token}x", content=b"7")
        by_path = [
            server.request(method, f"{path}/{token}").status_code for method in ("GET", "PUT", "HEAD", "OPTIONS")
        ]
        asked = server.get(path, headers={TOKEN_HEADER: token})
        unsigned = server.get(path, headers={TOKEN_HEADER: f"{token}x"})
    assert (posted.status_code, again.status_code, forged.status_code) == (410, 410, 403)  # there is no such run
    assert by_path == [405] * 4
    assert (asked.status_code, unsigned.status_code) == (202, 403)
    lines = [each.kwargs for each in log.info.call_args_list]
    assert len(lines) == 9
    assert token not in str(lines)
    first, second, other = [line["path"] for line in lines[:3]]
    assert first == second != other
    assert re.fullmatch(path + "/sha256-[0-9a-f]{16}", first)
