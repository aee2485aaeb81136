"""Wait for a Job without holding a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from baton.exceptions import BatonError
from baton.hooks.api_streams import connection_errors
from baton.hooks.job_run import JobRequest, JobRun


class JobTrigger(BaseTrigger):
    """Start the Job if it could not be started yet, and follow it to its end.

    :param request: a `JobRequest` as plain JSON.
    :param uid: of the Job, None while it waits for its turn.
    :param connection_extras: the connection's extras; None reads them from the connection.
    """

    def __init__(self, *, request: dict[str, Any], kubernetes_conn_id: str | None, uid: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.request = request
        self.kubernetes_conn_id = kubernetes_conn_id
        self.uid = uid
        hook = AsyncKubernetesHook(conn_id=kubernetes_conn_id)
        self._run = JobRun(hook, JobRequest(**request), self.log, uid)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another triggerer needs to take over."""
        names = ("request", "kubernetes_conn_id", "uid")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire one event when the Job has ended, or when something else ended the wait."""
        try:
            await self._run.start()
            outcome = await self._run.follow()
            status, message = outcome.status, outcome.message
        except (BatonError, *connection_errors()) as err:  # type: ignore[misc]
            status, message = "error", f"{type(err).__name__}: {err}"
        yield TriggerEvent({"status": status, "message": message})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Delete the Job: somebody cleared the task or marked it."""
        await self._run.delete()
