"""Wait until a workload's rollout is complete and has stayed so, without holding a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from baton.incidents.diagnostics.cluster_connection import open_connection
from baton.incidents.healing.assessment import is_rolled_out
from baton.incidents.healing.rules import RESOURCES
from baton.kubernetes.job_api import NotThereError

POLL_SECONDS = 1.0
READY, LATE, GONE = "ready", "late", "gone"


class RolloutTrigger(BaseTrigger):
    """Fire when the workload is ready, late or gone.

    A triggerer that takes over from another one starts to count `stable_seconds` again.

    :param deadline: Unix seconds.
    :param stable_seconds: how long all pods have to stay available: a container that crashes looks well for a moment.
    """

    def __init__(
        self,
        *,
        namespace: str,
        kind: str,
        name: str,
        deadline: float,
        stable_seconds: float,
        kubernetes_conn_id: str,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.namespace, self.kind, self.name = namespace, kind, name
        self.deadline, self.stable_seconds = deadline, stable_seconds
        self.kubernetes_conn_id = kubernetes_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another triggerer needs to take over."""
        names = ("namespace", "kind", "name", "deadline", "stable_seconds", "kubernetes_conn_id")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire one event: READY, LATE or GONE."""
        from baton.workloads import trigger as workload  # not above: DAG files must not pay for the Kubernetes clients

        began = time.monotonic()
        outcome = await self.finish()
        # Resume no task in the first moments after its deferral; why: see `WorkloadTrigger`.
        await asyncio.sleep(max(0.0, workload.SETTLE_SECONDS - (time.monotonic() - began)))
        yield TriggerEvent(outcome)  # type: ignore[no-untyped-call]

    async def finish(self) -> str:
        """Wait; returns how it ended."""
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

        since: float | None = None
        async with open_connection(AsyncKubernetesHook(conn_id=self.kubernetes_conn_id), self.namespace) as cluster:
            path = cluster.path(RESOURCES[self.kind], self.name)
            while time.time() < self.deadline:
                try:
                    workload = {**await cluster.get(path), "kind": self.kind}
                except NotThereError:
                    return GONE
                since = (since or time.monotonic()) if is_rolled_out(workload) else None
                if since is not None and time.monotonic() - since >= self.stable_seconds:
                    return READY
                await asyncio.sleep(POLL_SECONDS)
        return LATE
