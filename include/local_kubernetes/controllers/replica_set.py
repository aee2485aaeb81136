"""ReplicaSets keep a number of pods running: too few are added to, of too many the least useful go.

Source: ``pkg/controller/replicaset`` and ``pkg/controller/controller_utils.go`` of kubernetes/kubernetes.
"""

from __future__ import annotations

from typing import Any, ClassVar

from local_kubernetes import clock
from local_kubernetes.errors import ApiError
from local_kubernetes.kinds.job import condition
from local_kubernetes.label_selectors import matches
from local_kubernetes.operations import Operations
from local_kubernetes.store import Key

from .adoption import claim
from .controller import Controller, owned, owner_reference

Object = dict[str, Any]
PODS = "pods"
_ENDED = ("Succeeded", "Failed")
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_FAILURE = "ReplicaFailure"


class ReplicaSetController(Controller):
    """Looks at a ReplicaSet when it or one of its pods changes, and when a pod has been ready long enough."""

    resource: ClassVar[str] = "replicasets.apps"
    owner_kind: ClassVar[str] = "ReplicaSet"
    watches: ClassVar[frozenset[str]] = frozenset({PODS})

    def reconcile(self, key: Key) -> float | None:
        """Create or delete pods and bring the status up to date."""
        replica_set = self.api.find(key.resource, key.namespace, key.name)
        if replica_set is None:
            return None
        claim(self.api, PODS, replica_set, is_active)
        failure: ApiError | None = None
        if not replica_set["metadata"].get("deletionTimestamp"):
            try:
                _manage(self.api, replica_set)
            except ApiError as err:
                failure = err
        pods = owned(self.api, PODS, replica_set)
        self.api.put_status(self.resource, replica_set, _status(replica_set, pods, failure))
        if failure is not None:
            raise failure
        return _until_available(replica_set, pods)


def _manage(api: Operations, replica_set: Object) -> None:
    pods = [pod for pod in owned(api, PODS, replica_set) if is_active(pod)]
    missing = replica_set["spec"]["replicas"] - len(pods)
    for _ in range(missing):
        _create(api, replica_set)
    for pod in sorted(pods, key=_usefulness)[: max(0, -missing)]:
        name = pod["metadata"]["name"]
        api.delete(PODS, pod["metadata"]["namespace"], name)
        _tell(api, replica_set, "SuccessfulDelete", f"Deleted pod: {name}")


def _create(api: Operations, replica_set: Object) -> None:
    template, metadata = replica_set["spec"]["template"], replica_set["metadata"]
    given = {part: template["metadata"][part] for part in ("labels", "annotations") if part in template["metadata"]}
    names = {"generateName": f"{metadata['name']}-", "ownerReferences": [owner_reference(replica_set)]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {**given, **names}, "spec": template["spec"]}
    try:
        pod = api.create(PODS, metadata["namespace"], body)
    except ApiError as err:
        _tell(api, replica_set, "FailedCreate", f"Error creating: {err}", warning=True)
        raise
    _tell(api, replica_set, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")


def _tell(api: Operations, replica_set: Object, reason: str, message: str, *, warning: bool = False) -> None:
    api.events.record(replica_set, reason, message, warning=warning, component="replicaset-controller")


def is_active(pod: Object) -> bool:
    """Whether a pod counts: it has not ended and is not being deleted."""
    return pod["status"]["phase"] not in _ENDED and not pod["metadata"].get("deletionTimestamp")


def _usefulness(pod: Object) -> tuple[Any, ...]:
    """What goes first when there are too many: not started, not ready, cheap, young and restless pods."""
    metadata, status = pod["metadata"], pod["status"]
    ready = condition(pod, "Ready")
    since = clock.parse(ready["lastTransitionTime"]) if ready else 0.0
    restarts = max((container.get("restartCount", 0) for container in status.get("containerStatuses") or []), default=0)
    return (
        bool(pod["spec"].get("nodeName")),
        ("Pending", "Unknown", "Running").index(status["phase"]),
        ready is not None,
        _deletion_cost(metadata),
        -since,
        -restarts,
        -clock.parse(metadata["creationTimestamp"]),
        metadata["name"],
    )


def _deletion_cost(metadata: Object) -> int:
    try:
        return int((metadata.get("annotations") or {}).get(_DELETION_COST, 0))
    except ValueError:
        return 0


def _ready_for(pod: Object) -> float | None:
    """Seconds since a pod became ready, or None."""
    ready = condition(pod, "Ready")
    return clock.unix() - clock.parse(ready["lastTransitionTime"]) if ready else None


def _status(replica_set: Object, pods: list[Object], failure: ApiError | None) -> Object:
    spec = replica_set["spec"]
    active = [pod for pod in pods if is_active(pod)]
    ready = [seconds for seconds in map(_ready_for, active) if seconds is not None]
    labels = {"matchLabels": spec["template"]["metadata"].get("labels") or {}}
    numbers = {
        "fullyLabeledReplicas": sum(matches(labels, pod["metadata"].get("labels")) for pod in active),
        "readyReplicas": len(ready),
        "availableReplicas": sum(seconds >= spec.get("minReadySeconds", 0) for seconds in ready),
        "terminatingReplicas": sum(bool(pod["metadata"].get("deletionTimestamp")) for pod in pods),
    }
    status: Object = {"replicas": len(active), **{part: number for part, number in numbers.items() if number}}
    status["observedGeneration"] = replica_set["metadata"]["generation"]
    if failure is not None:
        status["conditions"] = [_failure(replica_set, failure, missing=len(active) < spec["replicas"])]
    return status


def _failure(replica_set: Object, failure: ApiError, *, missing: bool) -> Object:
    reason = "FailedCreate" if missing else "FailedDelete"
    before = condition(replica_set, _FAILURE)
    if before is not None and before["reason"] == reason:
        return before
    return {
        "type": _FAILURE,
        "status": "True",
        "lastTransitionTime": clock.now(),
        "reason": reason,
        "message": failure.message,
    }


def _until_available(replica_set: Object, pods: list[Object]) -> float | None:
    """Seconds until the next ready pod has been ready for ``minReadySeconds``."""
    needed = replica_set["spec"].get("minReadySeconds", 0)
    ready = [seconds for seconds in map(_ready_for, filter(is_active, pods)) if seconds is not None]
    return min((needed - seconds for seconds in ready if seconds < needed), default=None)
