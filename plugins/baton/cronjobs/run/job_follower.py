"""Tell what happens to a Job while it is waited for, in the task's log."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from baton.cronjobs.run.job_state import ENDING, end_of, true_conditions
from baton.exceptions import PermanentError
from baton.kubernetes.job_api import JobApi
from baton.kubernetes.job_events import JobEvents
from baton.kubernetes.job_pods import JobPods

Object = dict[str, Any]


class JobFollower:
    """Tells what happens to a Job: its pods' logs, events, and what Kubernetes intends."""

    def __init__(self, api: JobApi, job: Object, log: Any) -> None:
        self._log = log
        self._pods = JobPods(api, job, log)
        self._events = JobEvents(api, job, self._pods, log)
        self._tasks = [asyncio.create_task(self._pods.follow()), asyncio.create_task(self._events.follow())]
        for task in self._tasks:
            task.add_done_callback(self._warn)
        self._told: set[str] = set()

    @property
    def last_warning(self) -> str:
        """The latest of Kubernetes' warnings, empty if there was none."""
        return self._events.last_warning

    def note(self, job: Object) -> None:
        """Tell a condition that holds now, and each pod that failed."""
        conditions = true_conditions(job)
        for kind, condition in conditions.items():
            if kind in ENDING and kind not in self._told and not end_of(job):
                self._log.info(
                    "The Job will be %s, its pods are being ended: %s", ENDING[kind], condition.get("message")
                )
            elif kind == "Suspended" and kind not in self._told:
                self._log.info("The Job is suspended: it waits until somebody resumes it")
        failed = f"{(job.get('status') or {}).get('failed') or 0} of its pods failed"
        if failed not in self._told and not failed.startswith("0") and not conditions:
            self._log.warning("The Job goes on, %s (backoffLimit %s)", failed, job["spec"].get("backoffLimit"))
        self._told = {*conditions, failed}

    async def finish(self) -> list[Object]:
        """Read the logs to their ends; return the pods as they were last."""
        with suppress(PermanentError):
            await self._pods.finish()
        return list(self._pods.pods.values())

    async def stop(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pods.stop()

    def _warn(self, task: asyncio.Task[None]) -> None:
        """Logs and events may be forbidden where Jobs are allowed: that ends nothing."""
        if not task.cancelled() and (err := task.exception()) is not None:
            self._log.warning("What the Job's pods say cannot be shown: %s", err)
