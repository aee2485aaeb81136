"""What the receiver decides, with Airflow's real tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.integration.alerts.conftest import Receiver, alert, group, route

from baton.alerts.conf import read_conf

Json = dict[str, Any]


async def post(client: httpx.AsyncClient, body: Json, endpoint: str = "alertmanager") -> list[Json]:
    """Send a body; returns the decisions."""
    response = await client.post(endpoint, json=body)
    assert response.status_code == 200, response.text
    found: list[Json] = response.json()["decisions"]
    return found


def verdicts(decisions: list[Json]) -> list[str]:
    return [decision["decision"] for decision in decisions]


async def test_alert_starts_a_run_with_its_conf(receiver: Receiver) -> None:
    """The run exists when the answer comes, and its conf is what the DAGs' reader reads."""
    async with receiver.client() as client:
        [decision] = await post(client, group(alert()))
    [run] = receiver.runs()
    assert (decision["decision"], decision["run_id"]) == ("run", run["run_id"])
    assert (run["dag_id"], run["state"]) == ("diagnose", "queued")
    conf = read_conf(run["conf"])
    assert conf.label_name("namespace") == "shop"
    assert conf.alert.starts_at == "2026-11-22T08:00:00.123456+00:00"
    [log] = receiver.query("SELECT owner, event FROM log WHERE run_id = :id", id=run["run_id"])
    assert log == {"owner": "alerts: alertmanager", "event": "trigger_dag_run"}
