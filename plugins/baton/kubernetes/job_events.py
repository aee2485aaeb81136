"""Tell what keeps a Job's pods from starting, by Kubernetes' own events."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from baton.kubernetes.job_api import JobApi, RefusedError
from baton.kubernetes.job_pods import JobPods

Object = dict[str, Any]

LOOK_SECONDS = 5
"""Between two looks for events while something waits."""
PATIENT_SECONDS = 20
"""After which time everything is logged about what has not started yet, not only warnings."""


class JobEvents:
    """Looks for events about a Job and its pods, and tells each once, into the task's log."""

    def __init__(self, api: JobApi, job: Object, pods: JobPods, log: Any) -> None:
        self.last_warning = ""
        """The latest warning, empty if there was none."""
        self._api = api
        self._job = job
        self._pods = pods
        self._log = log
        self._told: set[tuple[str, Any]] = set()
        self._began = time.monotonic()

    async def follow(self) -> None:
        """Look now and then, as long as something has not started, until cancelled."""
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                waiting = self._pods.waiting()
                if waiting or not self._pods.pods:
                    await self.tell(waiting)
        except RefusedError as err:
            self._log.warning("Events cannot be shown: %s", err)

    async def tell(self, pods: list[Object]) -> None:
        """Tell what is new about the Job and these pods."""
        everything = time.monotonic() - self._began > PATIENT_SECONDS
        await self._tell("Job", self._job["metadata"]["uid"], everything=everything)
        for pod in pods:
            await self._tell(self._pods.label(pod), pod["metadata"]["uid"], everything=everything)

    async def _tell(self, label: str, uid: str, *, everything: bool) -> None:
        for event in await self._api.events(uid):
            is_warning = event.get("type") == "Warning"
            key = (event["metadata"]["uid"], event.get("count"))
            if key in self._told or not (is_warning or everything):
                continue
            self._told.add(key)
            text = f"{event.get('reason')}: {event.get('message')}"
            if is_warning:
                self.last_warning = text
            (self._log.warning if is_warning else self._log.info)("[%s] %s", label, text)
