"""What is left of a post: refused ones are counted, secrets stay out, metrics say how things are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sqlalchemy import event
from tests.integration.alerts.conftest import OTHER_TOKEN, Receiver, alert, group, route

Json = dict[str, Any]
BODY = json.dumps(group(alert())).encode()
CANARIES = [
    "Xk3-hush.77q",
    "postgres-pw-9r8s",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "hook-Pw-55",
]


def refusals(receiver: Receiver) -> list[tuple[Any, ...]]:
    rows = receiver.query("SELECT * FROM baton_alert_refusal ORDER BY sender, endpoint, status")
    return [(row["sender"], row["endpoint"], row["status"], row["times"]) for row in rows]


async def test_posts_in_vain_are_rows(receiver: Receiver) -> None:
    """Counted by sender, address and answer, before they are answered: senders do not send them again."""
    wrong_place = {"Authorization": f"Bearer {OTHER_TOKEN}"}
    async with receiver.client(max_bytes=1000) as client:
        for _ in range(2):
            await client.post("alertmanager", content=b"{")
        await client.post("alertmanager", content=b"1" * 2000)
        await client.post("alertmanager", content=BODY, headers=wrong_place)
        await client.post("nowhere", content=BODY)
        await client.post("zabbix", content=BODY)
        await client.post("alertmanager", content=BODY, headers={"Content-Encoding": "br"})
        found = refusals(receiver)
    assert found == [
        ("alertmanager", "alertmanager", 400, 2),
        ("alertmanager", "alertmanager", 413, 1),
        ("alertmanager", "alertmanager", 415, 1),
        ("alertmanager", "nowhere", 404, 1),
        ("alertmanager", "zabbix", 400, 1),
        ("grafana", "alertmanager", 403, 1),
    ]


async def test_strangers_are_counted_and_cost_the_database_next_to_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong token is told, whoever has it; whatever address they ask, there is one row for each that exists."""
    from airflow import settings

    monkeypatch.setattr("baton.alerts.refusals._PAUSE_SECONDS", 0.3)
    statements: list[str] = []
    event.listen(settings.engine, "before_cursor_execute", note := lambda *said: statements.append(said[2]))
    try:
        async with receiver.client() as client:
            client.headers["Authorization"] = "Bearer wrong"
            for number in range(200):
                assert (await client.post(f"nowhere-{number}", content=BODY)).status_code == 401
                assert (await client.post("grafana", content=BODY)).status_code == 401
            async with asyncio.timeout(20):
                while refusals(receiver) != [("", "", 401, 200), ("", "grafana", 401, 200)]:
                    await asyncio.sleep(0.05)
    finally:
        event.remove(settings.engine, "before_cursor_execute", note)
    assert len([text for text in statements if "refusal" in text]) < 60


async def test_secrets_stay_out_of_conf_table_and_answers_to_people(receiver: Receiver) -> None:
    """By name, by place and by form; what one label reveals is hidden in all others. Matching sees what was sent."""
    labels = {
        "alertname": "Login",
        "namespace": "shop",
        "password": CANARIES[0],
        "DB_PASS": CANARIES[1],
        "copy": f"tried {CANARIES[0]} and {CANARIES[1]}",
        "aws": f"AWS_SECRET_ACCESS_KEY={CANARIES[2]}",
        "owner": "team@example.org",
    }
    annotations = {
        "summary": f"pushed with {CANARIES[3]}",
        "description": f"https://u:{CANARIES[4]}@hook.example.org/x",
    }
    secret = alert(labels=labels, annotations=annotations, generatorURL=f"http://u:{CANARIES[4]}@prometheus/graph")
    secret_2 = {**secret, "fingerprint": "f2", "startsAt": f"token={CANARIES[3]}"}
    receiver.write_routes(
        route(
            matchers=[f'password="{CANARIES[0]}"'],
            conf={"all": "{{ labels.copy }} {{ labels.password }} {{ annotations.description }}"},
            storm={"runs": 1, "per": "10m"},
        )
    )
    async with receiver.client() as client:
        made = await client.post(
            "alertmanager", content=json.dumps(group(secret, secret_2, {**secret, "fingerprint": "f3"}))
        )
        await client.post("alertmanager", content=json.dumps(group({"labels": {"password": CANARIES[0], "x": ["a"]}})))
    assert made.json()["counts"] == {"run": 1, "storm": 2}
    everything = json.dumps([receiver.runs(), receiver.rows(), receiver.query("SELECT * FROM log")], default=str)
    assert [canary for canary in CANARIES if canary in everything] == []
    assert "team@example.org" in everything
    assert receiver.runs()[0]["conf"]["alert"]["labels"]["namespace"] == "shop"


async def test_switch_is_on_again_by_itself(receiver: Receiver, at_moment: Callable[[str], None]) -> None:
    """From the moment that was said."""
    receiver.query(
        "INSERT INTO baton_alert_state (name, value, changed_by, changed_at) "
        "VALUES ('off:', '2026-11-22T09:00:00+00:00', 'me', now())"
    )
    found = []
    async with receiver.client() as client:
        for moment in ("08:59:59", "09:00:00"):
            at_moment(f"2026-11-22T{moment}")
            found += (await client.post("alertmanager", content=BODY)).json()["decisions"]
    assert [decision["decision"] for decision in found] == ["off", "run"]


async def test_metrics_say_what_was_decided_and_how_things_are(receiver: Receiver) -> None:
    """OpenMetrics for whoever may send; nothing without a token."""
    async with receiver.client() as client:
        await client.post("alertmanager", content=BODY)
        await client.post("alertmanager", content=BODY)
        await client.post("alertmanager", content=b"{")
        receiver.query("UPDATE dag SET is_paused = true WHERE dag_id = 'diagnose'")
        receiver.routes.write_text("broken")
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        answer = await client.get("metrics", headers=accept)
        assert (await client.get("metrics", headers={"Authorization": "Bearer x"})).status_code == 401
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["baton_alerts_posts_total", "200", "alertmanager"] == 2
    assert samples["baton_alerts_posts_total", "400", "alertmanager"] == 1
    assert samples["baton_alerts_decisions_total", "pods", "run"] == 2
    assert samples["baton_alerts_file_ok", "routes"] == 0
    assert samples["baton_alerts_file_ok", "credentials"] == 1
    assert samples["baton_alerts_target_ok", "diagnose", "pods"] == 0
    assert samples["baton_alerts_refused_posts", "400", "alertmanager", "alertmanager"] == 1
    assert samples[("baton_alerts_post_seconds_count",)] == 3
