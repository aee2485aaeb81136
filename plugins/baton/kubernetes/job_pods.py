"""The pods of one Job while it runs: their logs into the task's log, and their last states for the result.

Why from their beginning to their end and at once: Kubernetes removes failed pods of a Job that has more tries left, and
with the pod goes its log.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from baton.kubernetes.api_changes import changes
from baton.kubernetes.api_streams import connection_errors
from baton.kubernetes.job_api import JobApi
from baton.kubernetes.pod_log import LogUnreadableError, Seen, log_lines

Object = dict[str, Any]

STREAMS = 32
"""Logs that are followed at once; those of more pods are read when one of these has ended."""
LOG_END_SECONDS = 5
"""How long the next line may come after the Job's end."""
_ENDED = ("Succeeded", "Failed")


class JobPods:
    """Follows the pods of a Job.

    :param job: as it was created.
    """

    def __init__(self, api: JobApi, job: Object, log: Any) -> None:
        self.pods: dict[str, Object] = {}
        """By uid, each as it was seen last, also when it is gone."""
        self._api = api
        self._job = job
        self._log = log
        self._selected = {"labelSelector": selector_of(job)}
        self._logs: dict[tuple[str, str], _ContainerLog] = {}
        self._streams = asyncio.Semaphore(STREAMS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_line = time.monotonic()
        self._warned: set[str] = set()

    async def follow(self) -> None:
        """Follow them until cancelled."""
        async with aclosing(changes(self._api, self._api.path("pods"), self._selected)) as found:
            async for kind, pods in found:
                for pod in pods:
                    self._note(pod, is_gone=kind == "DELETED")
                if kind == "LISTED":
                    self._note_missing({pod["metadata"]["uid"] for pod in pods})

    async def finish(self) -> None:
        """Note the pods' last states and wait for the ends of their logs."""
        for pod in await self._api.list_all(self._api.path("pods"), **self._selected):
            self._note(pod)
        for log in self._logs.values():
            log.end()
        self._last_line = time.monotonic()
        while self._tasks and time.monotonic() - self._last_line < LOG_END_SECONDS:
            await asyncio.wait(self._tasks, timeout=0.5)

    async def stop(self) -> None:
        """End all reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def waiting(self) -> list[Object]:
        """Return the pods that have not started yet."""
        return [pod for pod in self.pods.values() if _phase(pod) == "Pending"]

    def label(self, pod: Object) -> str:
        """Return a pod's name without the Job's."""
        name: str = pod["metadata"]["name"]
        return name.removeprefix(f"{self._job['metadata']['name']}-")

    def _note(self, pod: Object, *, is_gone: bool = False) -> None:
        owners = pod["metadata"].get("ownerReferences") or []
        if all(owner["uid"] != self._job["metadata"]["uid"] for owner in owners):
            return
        self.pods[pod["metadata"]["uid"]] = pod
        has_ended = is_gone or _phase(pod) in _ENDED
        self._tell_left_over(pod)
        for status in _statuses(pod):
            log = self._log_of(pod, status)
            if log is not None:
                log.note(status, has_ended=has_ended or _is_last_attempt(pod, status))

    def _tell_left_over(self, pod: Object) -> None:
        """Warn once of what keeps a pod going although its work is done, such as a side-car that a cluster puts in."""
        names = left_over(pod, self._job)
        if names and pod["metadata"]["uid"] not in self._warned:
            self._warned.add(pod["metadata"]["uid"])
            words = "%s, which the template has not, still runs: the Job ends only with it"
            self._log.warning(
                f"[%s] All containers of the template have ended; {words}", self.label(pod), ", ".join(names)
            )

    def _note_missing(self, present: set[str]) -> None:
        for (uid, _), log in self._logs.items():
            if uid not in present:
                log.end()

    def _log_of(self, pod: Object, status: Object) -> _ContainerLog | None:
        """The log of a container, followed from the moment on when it has one."""
        key = (pod["metadata"]["uid"], status["name"])
        if key not in self._logs and _has_log(status):
            label = self.label(pod)
            several = len(pod["spec"]["containers"]) + len(pod["spec"].get("initContainers") or []) > 1
            prefix = f"{label} {status['name']}" if several else label
            readable = max(0, _restarts(status) - 1)
            self._logs[key] = _ContainerLog(pod["metadata"]["name"], status["name"], prefix, readable)
            task = asyncio.create_task(self._write(self._logs[key]))
            self._tasks.add(task)
            task.add_done_callback(self._reading_ended)
        return self._logs.get(key)

    async def _write(self, log: _ContainerLog) -> None:
        async with self._streams:
            while True:
                try:
                    await self._write_attempt(log)
                except _unreadable() as err:
                    reason = getattr(err, "reason", None) or err
                    self._log.warning("[%s] the rest of the log cannot be read: %s", log.prefix, reason)
                if not await log.next_attempt():
                    return

    def _reading_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (err := task.exception()) is not None:
            self._log.warning("A container's log cannot be read any further", exc_info=err)

    async def _write_attempt(self, log: _ContainerLog) -> None:
        place = (log.pod, self._api.namespace, log.container)
        lines = log_lines(self._api.hook, *place, log.ended, log.seen, log.is_previous)
        async with aclosing(lines):
            async for line in lines:
                self._last_line = time.monotonic()
                self._log.info("[%s] %s", log.prefix, line)


@dataclass(slots=True)
class _ContainerLog:
    """How far one container's log was read, over its restarts."""

    pod: str
    container: str
    prefix: str
    attempt: int
    restarts: int = 0
    is_terminated: bool = False
    has_ended: bool = False
    seen: Seen = field(default_factory=Seen)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether the attempt that is read has ended."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, status: Object, *, has_ended: bool) -> None:
        """Take over what the kubelet says."""
        self.restarts = _restarts(status)
        self.is_terminated = "terminated" in (status.get("state") or {})
        self.has_ended = self.has_ended or has_ended
        self.update()

    def end(self) -> None:
        """Note that there will be no further attempt."""
        self.has_ended = True
        self.update()

    def update(self) -> None:
        """See whether the attempt that is read has ended."""
        if self.has_ended or self.is_terminated or self.is_previous():
            self.ended.set()
        self.changed.set()

    def is_previous(self) -> bool:
        """Say whether the container was restarted since the attempt that is read."""
        return self.restarts > self.attempt

    async def next_attempt(self) -> bool:
        """Wait until the container was restarted; False when it will not be. The kubelet keeps one older log."""
        while not self.is_previous():
            if self.has_ended:
                return False
            self.changed.clear()
            await self.changed.wait()
        self.attempt = max(self.attempt + 1, self.restarts - 1)
        self.ended = asyncio.Event()
        self.update()
        return True


def _unreadable() -> tuple[type[Exception], ...]:
    return (LogUnreadableError, *connection_errors())


def selector_of(job: Object) -> str:
    """Return the label selector of a Job's pods."""
    labels = (job["spec"].get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in labels.items())


def left_over(pod: Object, job: Object) -> list[str]:
    """Return the containers that a Job's template has not and that run although all of the template have ended."""
    template = (job["spec"].get("template") or {}).get("spec") or {}
    own = {container["name"] for container in template.get("containers") or []}
    states = {
        status["name"]: status.get("state") or {} for status in (pod.get("status") or {}).get("containerStatuses") or []
    }
    have_ended = own and own <= states.keys() and all("terminated" in states[name] for name in own)
    return [name for name, state in states.items() if name not in own and "running" in state] if have_ended else []


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase"))


def _statuses(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _restarts(status: Object) -> int:
    return int(status.get("restartCount") or 0)


def _has_log(status: Object) -> bool:
    state = status.get("state") or {}
    return "running" in state or "terminated" in state or _restarts(status) > 0


def _is_last_attempt(pod: Object, status: Object) -> bool:
    """Whether the container has ended and will not be started again."""
    ended = (status.get("state") or {}).get("terminated")
    if ended is None:
        return False
    spec = pod["spec"]
    containers = spec.get("initContainers") or ()
    if any(each["name"] == status["name"] and each.get("restartPolicy") == "Always" for each in containers):
        return False  # a side-car
    return spec.get("restartPolicy") == "Never" or bool(ended.get("exitCode") == 0)
