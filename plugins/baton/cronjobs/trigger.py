"""Wait for a Job without holding a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from baton.cronjobs.run.job_run import FAILURE, SUCCESS, JobRequest, JobRun, Outcome
from baton.exceptions import PermanentError
from baton.kubernetes.cancellation import ended, shielded


class JobTrigger(BaseTrigger):
    """Start the Job if its turn had not come yet, and follow it to its end.

    A triggerer that takes over from another one finds the Job by its name, and writes the log again from its first
    line: twice is better than not at all.

    :param request: a `JobRequest` as plain JSON.
    :param uid: of the Job, None while it waits for its turn.
    :param deferred_at: when the worker handed over, Unix seconds.
    :param created: the Job's `creationTimestamp`; None where `uid` is, or a version of before has deferred the task.
    :param ends_task: end the task here when the Job is complete, without a worker: one process start less between two
        Jobs. Not possible where a worker has something to do afterwards.
    """

    def __init__(
        self,
        *,
        request: dict[str, Any],
        kubernetes_conn_id: str | None,
        uid: str | None,
        deferred_at: float,
        created: str | None = None,
        ends_task: bool = False,
    ) -> None:
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

        super().__init__()  # type: ignore[no-untyped-call]
        self.request = request
        self.kubernetes_conn_id = kubernetes_conn_id
        self.uid = uid
        self.deferred_at = deferred_at
        self.created = created
        self.ends_task = ends_task
        hook = AsyncKubernetesHook(conn_id=kubernetes_conn_id)
        self._run = JobRun(hook, JobRequest(**request), self.log, uid, created)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another triggerer needs to take over."""
        names = ("request", "kubernetes_conn_id", "uid", "deferred_at", "created", "ends_task")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire one event, an `Outcome`, when the Job has ended, or when something else ended the wait."""
        try:
            outcome = await self._run.finish()
        except PermanentError as err:
            outcome = Outcome(FAILURE, str(err))
        if outcome.status == SUCCESS and self.ends_task:
            self.log.info(outcome.message)
            yield TaskSuccessEvent()
            return
        await self._let_first_half_settle()
        yield TriggerEvent(outcome.serialize())  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Delete the Job: somebody cleared the task or marked it."""
        await shielded(self.end())

    async def end(self) -> None:
        """Delete the Job if it has not ended."""
        await self._run.delete()

    async def _let_first_half_settle(self) -> None:
        """Resume no task in the first moments after its deferral; why: see `WorkloadTrigger`."""
        from baton.workloads import trigger as workload  # not above: DAG files must not pay for the Kubernetes clients

        await asyncio.sleep(max(0.0, workload.SETTLE_SECONDS - (time.time() - self.deferred_at)))


class JobEnding(JobTrigger):
    """Delete the Job of a trigger that nobody runs any more, see `baton.airflow_internals.abandoned_triggers`."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire one event when it is deleted."""
        yield await ended(self.end())
