"""The Job controller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from local_kubernetes import clock
from local_kubernetes.controllers.controller import Controller, controller_of
from local_kubernetes.controllers.garbage import without_finalizer
from local_kubernetes.deletion import DeleteOptions
from local_kubernetes.kinds.job import condition, is_finished
from local_kubernetes.operations import Operations
from local_kubernetes.store import Change, Key

from . import pods
from .back_off import BackOff
from .sync import Sync

Object = dict[str, Any]
_SELF = "kubernetes.io/job-controller"


class JobController(Controller):
    """Makes pods, counts how they end, and says when the Job has ended."""

    resource: ClassVar[str] = "jobs.batch"
    owner_kind: ClassVar[str] = "Job"
    watches: ClassVar[frozenset[str]] = frozenset({"pods"})

    def __init__(self, api: Operations) -> None:
        super().__init__(api)
        self._back_offs: dict[str, BackOff] = {}

    def keys_for(self, change: Change) -> Iterator[Key]:
        """As every controller, and for a pod that lost its Job the Job that made it."""
        yield from super().keys_for(change)
        if change.key.resource == "pods" and pods.is_tracked(change.object) and controller_of(change.object) is None:
            name = (change.object["metadata"].get("labels") or {}).get("batch.kubernetes.io/job-name")
            if name:
                yield Key(self.resource, change.key.namespace, name)

    def reconcile(self, key: Key) -> float | None:
        """Count what has ended, then make, delete or leave alone; last, say so in the status."""
        job = self.api.find(self.resource, key.namespace, key.name)
        self._release_strays(key, job)
        if job is None or job["spec"].get("managedBy") not in (None, _SELF):
            return None
        if is_finished(job):
            self._back_offs.pop(job["metadata"]["uid"], None)
            return self._expire(job)
        return Sync(self.api, job, self._back_offs.setdefault(job["metadata"]["uid"], BackOff())).run()

    def _release_strays(self, key: Key, job: Object | None) -> None:
        """Pods of a Job that is gone, or that it gave up, wait for nobody."""
        uid = job["metadata"]["uid"] if job else None
        for pod in self.api.store.objects("pods", key.namespace):
            made_by = (pod["metadata"].get("labels") or {}).get("batch.kubernetes.io/job-name")
            owner = controller_of(pod)
            if made_by == key.name and pods.is_tracked(pod) and (owner is None or owner["uid"] != uid):
                self.api.update("pods", without_finalizer(pod, pods.FINALIZER))

    def _expire(self, job: Object) -> float | None:
        """Delete it when its ``ttlSecondsAfterFinished`` are over."""
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        ended = condition(job, "Complete") or condition(job, "Failed")
        if ttl is None or ended is None or job["metadata"].get("deletionTimestamp"):
            return None
        left = clock.parse(ended["lastTransitionTime"]) + float(ttl) - clock.unix()
        if left > 0:
            return left
        metadata = job["metadata"]
        self.api.delete(self.resource, metadata["namespace"], metadata["name"], DeleteOptions(propagation="Foreground"))
        return None
