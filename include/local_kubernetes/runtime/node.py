"""The node: all pods of this machine, started, found again, ended and removed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

from local_kubernetes import clock
from local_kubernetes.access.tokens import Tokens
from local_kubernetes.errors import ApiError
from local_kubernetes.events import NODE, Recorder
from local_kubernetes.images import Images
from local_kubernetes.store import Change, Key, Store, pod_key

from . import leftovers, projections, unsupported, volumes
from .attempt import LOG_LIMIT_BYTES
from .environment import TOKENS, Find
from .isolation import Isolation
from .launcher import Launcher
from .pod import PodRunner
from .status import EVICTED, FINAL

Object = dict[str, Any]
_LOG = logging.getLogger(__name__)
_SETTLE_SECONDS = 2.0
_LAST_KILL_SECONDS = 10.0


class Node:
    """Runs the pods in the store.

    ``service_variables`` tell pods where the server is.

    :param directory: the pods' files; one directory a pod, named by its uid.
    :param claims: the directories of PersistentVolumeClaims, named by their uids.
    :param isolation: how containers are kept apart.
    :param tokens: makes those that pods find in their volumes.
    :param log_limit_bytes: how much of a container's log is kept.
    """

    def __init__(
        self,
        store: Store,
        images: Images,
        directory: Path,
        events: Recorder,
        *,
        claims: Path,
        isolation: Isolation,
        tokens: Tokens,
        log_limit_bytes: int = LOG_LIMIT_BYTES,
    ) -> None:
        self.store = store
        self.images = images
        self.isolation = isolation
        self.service_variables: dict[str, str] = {}
        self._tokens = tokens
        self.log_limit_bytes = log_limit_bytes
        self.events = events
        self.launcher = Launcher()
        self._directory = directory
        self._claims = claims
        self._runners: dict[str, PodRunner] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._deletions: dict[str, asyncio.Task[None]] = {}
        store.listen(self._refresh_volumes)

    async def start(self) -> None:
        """Take over what an earlier server left: running pods go on, deletions are finished, litter goes."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self.launcher.start()
        pods = self.store.objects("pods")
        known = {pod["metadata"]["uid"] for pod in pods}
        for entry in self._directory.iterdir():
            if entry.name not in known:
                leftovers.remove_litter(entry, _LOG.warning)
        for pod in pods:
            if pod["status"]["phase"] in FINAL:
                leftovers.end_processes(self.directory_of(pod))
            elif pod["spec"].get("nodeName") == NODE:
                self._adopt(pod)
            end = pod["metadata"].get("deletionTimestamp")
            if end:
                self.delete(pod, max(0.0, clock.parse(end) - clock.unix()))

    async def stop(self, *, end_pods: bool, grace_seconds: float = 5.0) -> None:
        """Stop looking after the pods; with ``end_pods`` they are ended first, else they go on by themselves."""
        if end_pods:
            for runner in self._runners.values():
                runner.fail("Terminated", "Pod was ended with the local Kubernetes server", grace_seconds)
            if self._tasks:
                await asyncio.wait(self._tasks.values(), timeout=grace_seconds + _LAST_KILL_SECONDS)
        remaining = [*self._tasks.values(), *self._deletions.values()]
        for task in remaining:
            task.cancel()
        await asyncio.gather(*remaining, return_exceptions=True)
        await self.launcher.stop()

    def start_pod(self, pod: Object) -> None:
        """Start a pod that is in the store and bound to this node."""
        self.events.record(
            pod, "Scheduled", f"Successfully assigned {_title(pod)} to {NODE}", component="default-scheduler"
        )
        without_effect = unsupported.describe(pod)
        if without_effect:
            self.events.record(pod, "Unsupported", without_effect, warning=True)
        self._adopt(pod)

    async def settled(self, pod: Object) -> Object:
        """The pod as soon as there is something to tell about it.

        Why: a first status of Pending costs KubernetesPodOperator its whole start-up check interval.
        """
        runner = self.runner(pod)
        if runner is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(runner.settled.wait(), _SETTLE_SECONDS)
        stored = self.store.get(pod_key(pod))
        return stored.object if stored else pod

    def delete(self, pod: Object, grace_seconds: float) -> None:
        """End a pod that is marked as deleted and remove it when it has ended; without grace its object goes now."""
        uid = pod["metadata"]["uid"]
        runner = self._runners.get(uid)
        if runner is not None:
            runner.stop(grace_seconds)
        if grace_seconds <= 0:
            self._forget(pod)
        if uid not in self._deletions:
            task = self._deletions[uid] = asyncio.create_task(self._finish_deletion(pod))
            task.add_done_callback(lambda _: self._deletions.pop(uid, None))

    def evict(self, pod: Object, message: str) -> None:
        """End a running pod as Failed with the reason Evicted, as a node under pressure does."""
        runner = self.runner(pod)
        if runner is not None:
            self.events.record(pod, EVICTED, message, warning=True)
            runner.fail(EVICTED, message, float(pod["spec"].get("terminationGracePeriodSeconds", 30)))

    def runner(self, pod: Object) -> PodRunner | None:
        """The runner of a pod that has not ended."""
        return self._runners.get(pod["metadata"]["uid"])

    def directory_of(self, pod: Object) -> Path:
        """Where a pod's files are."""
        return self._directory / str(pod["metadata"]["uid"])

    def volume_places(self, pod: Object) -> volumes.Places:
        """Where a pod's volumes are."""
        return volumes.Places(self.directory_of(pod) / "volumes", self._claims)

    def finder(self, pod: Object) -> Find:
        """How a pod finds Secrets, ConfigMaps and its own tokens: in its own namespace only."""
        namespace = pod["metadata"]["namespace"]

        def find(resource: str, name: str) -> Object | None:
            if resource == TOKENS:
                token = self._tokens.for_pod(pod, name)
                return None if token is None else {"token": token}
            stored = self.store.get(Key(resource, namespace, name))
            return stored.object if stored else None

        return find

    def store_status(self, pod: Object, status: Object) -> Object:
        """Store a pod's new status; what clients changed meanwhile (labels …) is kept. Returns the pod as it is now."""
        stored = self.store.get(pod_key(pod))
        if stored is None or stored.object["metadata"]["uid"] != pod["metadata"]["uid"]:
            return {**pod, "status": status}
        status = {**status, "conditions": _with_others(status, stored.object["status"])}
        if stored.object["status"] == status:
            return stored.object
        try:
            return self.store.put(pod_key(pod), {**stored.object, "status": status}).object
        except ApiError as err:
            _LOG.error("status of pod %s not stored: %s", _title(pod), err)
            return {**pod, "status": status}

    def _adopt(self, pod: Object) -> PodRunner:
        uid = pod["metadata"]["uid"]
        runner = self._runners[uid] = PodRunner(pod, self)
        task = self._tasks[uid] = asyncio.create_task(self._run(runner))
        task.add_done_callback(lambda _: (self._tasks.pop(uid, None), self._runners.pop(uid, None)))
        return runner

    async def _run(self, runner: PodRunner) -> None:
        try:
            await runner.run()
        except Exception as err:  # one pod's trouble must not end the node; it is reported where people look
            _LOG.exception("pod %s", _title(runner.pod))
            failed = {**runner.pod["status"], "phase": "Failed", "reason": "RuntimeError", "message": str(err)}
            self.store_status(runner.pod, failed)
            runner.stop(0)

    def _refresh_volumes(self, change: Change) -> None:
        """Show running pods the new content of a Secret or ConfigMap, and their own new labels and annotations."""
        key = change.key
        if change.type != "MODIFIED":
            return
        if key.resource in ("secrets", "configmaps"):
            for runner in self._runners.values():
                if runner.pod["metadata"]["namespace"] == key.namespace:
                    runner.refresh(runner.pod, lambda volume: projections.refers_to(volume, key.resource, key.name))
        elif key.resource == "pods":
            own = self._runners.get(change.object["metadata"]["uid"])
            if own is not None and _shown(change.object) != _shown(change.before or {}):
                own.refresh(change.object, projections.shows_metadata)
            if own is not None and change.object["spec"] != (change.before or {}).get("spec"):
                own.update(change.object)

    async def _finish_deletion(self, pod: Object) -> None:
        task = self._tasks.get(pod["metadata"]["uid"])
        if task is not None:
            await asyncio.wait({task})
        self.release(pod)

    def release(self, pod: Object) -> None:
        """Remove a deleted pod's files and, when nobody holds it with a finalizer, its object."""
        leftovers.remove(self.directory_of(pod), lambda message: _LOG.warning("pod %s: %s", _title(pod), message))
        self._forget(pod)

    def _forget(self, pod: Object) -> None:
        """Remove a pod's object, if it is still there and nobody holds it; its grace is over."""
        stored = self.store.get(pod_key(pod))
        if stored is None or stored.object["metadata"]["uid"] != pod["metadata"]["uid"]:
            return
        metadata = stored.object["metadata"]
        if metadata.get("deletionGracePeriodSeconds"):
            over = {**metadata, "deletionGracePeriodSeconds": 0}
            self.store.put(pod_key(pod), {**stored.object, "metadata": over})
        if not metadata.get("finalizers"):
            self.store.remove(pod_key(pod))


def _with_others(status: Object, stored: Object) -> list[Object]:
    """The conditions of a status, and those of somebody else's, as an eviction leaves."""
    own: list[Object] = status.get("conditions") or []
    kinds = {condition["type"] for condition in own}
    return [*own, *(each for each in stored.get("conditions") or [] if each["type"] not in kinds)]


def _shown(pod: Object) -> tuple[Any, Any]:
    metadata = pod.get("metadata") or {}
    return metadata.get("labels"), metadata.get("annotations")


def _title(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
