"""The steps of a rollout."""

from __future__ import annotations

from typing import Any, ClassVar

from local_kubernetes.controllers.adoption import claim
from local_kubernetes.controllers.controller import Controller, controller_of, owned
from local_kubernetes.deletion import DeleteOptions
from local_kubernetes.errors import ApiError
from local_kubernetes.kinds.replica_set import count
from local_kubernetes.operations import Operations
from local_kubernetes.store import Key

from . import conditions
from .revisions import REVISION, by_age, marks, new_set, revision, with_template
from .sizes import DESIRED, active, grown, resized, shrunk, size_annotations, total

Object = dict[str, Any]
SETS = "replicasets.apps"
_ENDED = ("Succeeded", "Failed")


class DeploymentController(Controller):
    """Looks at a Deployment when it or one of its ReplicaSets changes, and when it should have got further."""

    resource: ClassVar[str] = "deployments.apps"
    owner_kind: ClassVar[str] = "Deployment"
    watches: ClassVar[frozenset[str]] = frozenset({SETS})

    def reconcile(self, key: Key) -> float | None:
        """Take the next step and bring the status up to date."""
        deployment = self.api.find(key.resource, key.namespace, key.name)
        if deployment is None:
            return None
        claim(self.api, SETS, deployment, lambda _: True)
        return _Visit(self.api, deployment).run()


class _Visit:
    """One look at a Deployment."""

    def __init__(self, api: Operations, deployment: Object) -> None:
        self._api = api
        self._deployment = deployment
        self._spec: Object = deployment["spec"]
        self._status: Object = dict(deployment.get("status") or {})
        self._sets = {each["metadata"]["name"]: each for each in owned(api, SETS, deployment)}
        newest = with_template(self._sets.values(), self._spec["template"])
        self._newest_name = newest["metadata"]["name"] if newest else ""

    def run(self) -> float | None:
        """Everything that is due; returns the seconds until the lack of progress counts."""
        deleting = bool(self._deployment["metadata"].get("deletionTimestamp"))
        watched = not deleting and not self._spec.get("paused")
        try:
            if not deleting:
                self._note_pause()
                watched = self._step() and watched
        finally:
            self._put_status(watched=watched)
        return conditions.seconds_to_deadline(self._deployment, self._status) if watched else None

    @property
    def _newest(self) -> Object | None:
        return self._sets.get(self._newest_name)

    @property
    def _old(self) -> list[Object]:
        return sorted((each for name, each in self._sets.items() if name != self._newest_name), key=by_age)

    def _step(self) -> bool:
        """Change sizes; returns whether this is a rollout, whose progress is watched."""
        if self._spec.get("paused") or self._was_scaled():
            self._mark_newest()
            self._scale()
            if self._spec.get("paused"):
                self._clean_up()
            return False
        if self._spec["strategy"]["type"] == "Recreate":
            self._recreate()
        else:
            self._roll()
        if conditions.is_complete(self._deployment, self._deployment.get("status") or {}):
            self._clean_up()
        return True

    def _note_pause(self) -> None:
        current = conditions.find(self._status, "Progressing")
        if not conditions.has_deadline(self._spec) or (current and current["reason"] == conditions.TIMED_OUT):
            return
        noted = current is not None and current["reason"] == "DeploymentPaused"
        if self._spec.get("paused") and not noted:
            conditions.put(self._status, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        elif noted and not self._spec.get("paused"):
            conditions.put(self._status, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")

    def _was_scaled(self) -> bool:
        wanted = str(self._spec["replicas"])
        noted = ((each["metadata"].get("annotations") or {}).get(DESIRED) for each in active(self._sets.values()))
        return any(size not in (None, wanted) for size in noted)

    def _roll(self) -> None:
        newest = self._mark_newest() or self._create_newest()
        if self._resize(newest, grown(self._spec, newest["spec"]["replicas"], total(self._sets.values()))):
            return
        old = active(self._old)
        for name, size in shrunk(self._spec, newest, old).items():
            self._resize(self._sets[name], size)

    def _recreate(self) -> None:
        newest = self._mark_newest()
        if any([self._resize(each, 0) for each in active(self._old)]) or self._has_old_pods():
            return
        newest = newest or self._create_newest()
        self._resize(newest, self._spec["replicas"])

    def _has_old_pods(self) -> bool:
        old = {each["metadata"]["uid"] for each in self._old}
        pods = self._api.store.objects("pods", self._deployment["metadata"]["namespace"])
        running = (pod for pod in pods if pod["status"]["phase"] not in _ENDED)
        return any((controller_of(pod) or {}).get("uid") in old for pod in running)

    def _mark_newest(self) -> Object | None:
        """Bring revision, annotations and ``minReadySeconds`` of the newest ReplicaSet up to date."""
        newest = self._newest
        if newest is None:
            return None
        metadata, spec = newest["metadata"], newest["spec"]
        noted = marks(self._deployment, metadata.get("annotations") or {}, self._next_revision())
        wait = self._spec.get("minReadySeconds", 0)
        if wait != spec.get("minReadySeconds", 0):
            spec = {**spec, "minReadySeconds": wait}
        newest = self._update(newest, {**newest, "metadata": {**metadata, "annotations": noted}, "spec": spec})
        self._set_revision(noted[REVISION])
        if conditions.has_deadline(self._spec) and conditions.find(self._status, "Progressing") is None:
            message = f'Found new replica set "{metadata["name"]}"'
            conditions.put(self._status, "Progressing", "True", "FoundNewReplicaSet", message)
        return newest

    def _create_newest(self) -> Object:
        number = self._next_revision()
        body = new_set(self._deployment, self._status.get("collisionCount", 0), number)
        name = body["metadata"]["name"]
        size = body["spec"]["replicas"] = grown(self._spec, 0, total(self._sets.values()))
        try:
            newest = self._api.create(SETS, self._deployment["metadata"]["namespace"], body)
        except ApiError as err:
            self._note_failed_create(name, err)
            raise
        self._sets[name] = newest
        self._newest_name = name
        if size:
            self._tell("ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {size}")
        self._set_revision(str(number))
        message = f'Created new replica set "{name}"'
        if conditions.has_deadline(self._spec):
            conditions.put(self._status, "Progressing", "True", "NewReplicaSetCreated", message)
        return newest

    def _note_failed_create(self, name: str, err: ApiError) -> None:
        if err.reason == "AlreadyExists":  # somebody else's, or one of another template: the next name is another one
            self._status["collisionCount"] = self._status.get("collisionCount", 0) + 1
            return
        message = f'Failed to create new replica set "{name}": {err}'
        if conditions.has_deadline(self._spec):
            conditions.put(self._status, "Progressing", "False", "ReplicaSetCreateError", message)
        self._tell("ReplicaSetCreateError", message, warning=True)

    def _next_revision(self) -> int:
        return max(map(revision, self._old), default=0) + 1

    def _set_revision(self, number: str) -> None:
        metadata = self._deployment["metadata"]
        noted = metadata.get("annotations") or {}
        if noted.get(REVISION) != number:
            changed = {**metadata, "annotations": {**noted, REVISION: number}}
            self._deployment = self._api.update("deployments.apps", {**self._deployment, "metadata": changed})

    def _scale(self) -> None:
        """Follow a change of the Deployment's own size."""
        newest, old = self._newest, self._old
        growing = active([*old, *([newest] if newest else [])])
        if len(growing) <= 1:
            only = growing[0] if growing else newest or (old[-1] if old else None)
            if only is not None:
                self._resize(only, self._spec["replicas"])
        elif newest is not None and self._is_saturated(newest):
            for each in active(old):
                self._resize(each, 0)
        elif self._spec["strategy"]["type"] == "RollingUpdate":
            before = (self._deployment.get("status") or {}).get("replicas", 0)
            for name, size in resized(self._spec, growing, before).items():
                self._resize(self._sets[name], size)

    def _is_saturated(self, newest: Object) -> bool:
        wanted = self._spec["replicas"]
        noted = (newest["metadata"].get("annotations") or {}).get(DESIRED)
        sizes = [newest["spec"]["replicas"], count(newest, "availableReplicas")]
        return bool(noted == str(wanted) and sizes == [wanted, wanted])

    def _resize(self, each: Object, size: int) -> bool:
        """Give a ReplicaSet another size, if it is another; returns whether it is."""
        name, before = each["metadata"]["name"], int(each["spec"]["replicas"])
        noted = {**(each["metadata"].get("annotations") or {}), **size_annotations(self._spec)}
        metadata, spec = {**each["metadata"], "annotations": noted}, {**each["spec"], "replicas": size}
        if size == before and active([each]) == []:
            return False  # an old one without pods keeps what it remembers
        self._update(each, {**each, "metadata": metadata, "spec": spec})
        if size != before:
            word = "up" if size > before else "down"
            self._tell("ScalingReplicaSet", f"Scaled {word} replica set {name} from {before} to {size}")
        return size != before

    def _update(self, before: Object, after: Object) -> Object:
        if after == before:
            return before
        if after["spec"] != before["spec"]:
            generation = before["metadata"]["generation"] + 1
            after = {**after, "metadata": {**after["metadata"], "generation": generation}}
        updated = self._api.update(SETS, after)
        self._sets[updated["metadata"]["name"]] = updated
        return updated

    def _clean_up(self) -> None:
        """Forget the oldest revisions beyond the limit, but none that still has pods."""
        kept = [each for each in self._old if not each["metadata"].get("deletionTimestamp")]
        surplus = len(kept) - self._spec["revisionHistoryLimit"]
        for each in sorted(kept, key=revision)[: max(0, surplus)]:
            metadata = each["metadata"]
            observed = metadata["generation"] <= count(each, "observedGeneration")
            if observed and count(each, "replicas") == each["spec"]["replicas"] == 0:
                options = DeleteOptions(propagation="Background")
                self._api.delete(SETS, metadata["namespace"], metadata["name"], options)
                del self._sets[metadata["name"]]

    def _put_status(self, *, watched: bool) -> None:
        sets = list(self._sets.values())
        self._status = conditions.counted(self._deployment, self._status, self._newest, sets)
        if watched:
            conditions.note_progress(self._deployment, self._status, self._newest)
            conditions.note_failures(self._status, self._newest, sets)
        self._api.put_status("deployments.apps", self._deployment, self._status)

    def _tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        self._api.events.record(self._deployment, reason, message, warning=warning, component="deployment-controller")
