"""When the wait for a rollout ends."""

from __future__ import annotations

import asyncio

import pytest

from baton.incidents.healing import rollout_trigger as rollout
from baton.workloads import trigger as workload


async def test_task_is_not_resumed_in_the_first_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the workload is gone at once: Airflow would fail a task that is queued before its worker has ended."""

    async def gone(_: rollout.RolloutTrigger) -> str:
        return rollout.GONE

    monkeypatch.setattr(rollout.RolloutTrigger, "finish", gone)
    monkeypatch.setattr(workload, "SETTLE_SECONDS", 0.2)
    trigger = rollout.RolloutTrigger(
        namespace="n", kind="Deployment", name="d", deadline=0, stable_seconds=0, kubernetes_conn_id="k"
    )
    began = asyncio.get_running_loop().time()
    [event] = [event async for event in trigger.run()]
    assert event.payload == rollout.GONE
    assert asyncio.get_running_loop().time() - began >= 0.2
