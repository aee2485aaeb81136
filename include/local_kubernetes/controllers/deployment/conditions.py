"""A Deployment's status: numbers, and the conditions that ``kubectl rollout status`` waits for. No side effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local_kubernetes import clock
from local_kubernetes.kinds.deployment import surge_and_unavailable
from local_kubernetes.kinds.replica_set import count

from .sizes import available, total

Object = dict[str, Any]
NO_DEADLINE = 2**31 - 1
AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"


def find(status: Object, kind: str) -> Object | None:
    """A condition of a status, whatever it says."""
    return next((entry for entry in status.get("conditions") or [] if entry["type"] == kind), None)


def put(status: Object, kind: str, holds: str, reason: str, message: str, *, fresh: bool = False) -> None:
    """Set a condition. One with the same reason stays as it is, unless ``fresh`` asks for a new time of update."""
    before = find(status, kind)
    same = before is not None and before["status"] == holds
    if before is not None and same and before["reason"] == reason and not fresh:
        return
    entry = {
        "type": kind,
        "status": holds,
        "lastUpdateTime": clock.now(),
        "lastTransitionTime": before["lastTransitionTime"] if before is not None and same else clock.now(),
        "reason": reason,
        "message": message,
    }
    status["conditions"] = [other for other in status.get("conditions") or [] if other["type"] != kind] + [entry]


def remove(status: Object, kind: str) -> None:
    """Take a condition away."""
    kept = [entry for entry in status.pop("conditions", []) if entry["type"] != kind]
    if kept:
        status["conditions"] = kept


def counted(deployment: Object, status: Object, newest: Object | None, sets: Sequence[Object]) -> Object:
    """A status with the numbers of the ReplicaSets and the condition Available."""
    spec = deployment["spec"]
    ready = available(sets)
    numbers = {
        "replicas": sum(count(each, "replicas") for each in sets),
        "updatedReplicas": count(newest, "replicas") if newest else 0,
        "readyReplicas": sum(count(each, "readyReplicas") for each in sets),
        "availableReplicas": ready,
        "unavailableReplicas": max(0, total(sets) - ready),
        "terminatingReplicas": sum(count(each, "terminatingReplicas") for each in sets),
    }
    result: Object = {"observedGeneration": deployment["metadata"]["generation"]}
    result |= {part: number for part, number in numbers.items() if number}
    result |= {part: status[part] for part in ("conditions", "collisionCount") if part in status}
    if ready >= spec["replicas"] - surge_and_unavailable(spec)[1]:
        put(result, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        message = "Deployment does not have minimum availability."
        put(result, "Available", "False", "MinimumReplicasUnavailable", message)
    return result


def has_deadline(spec: Object) -> bool:
    """Whether progress is watched at all."""
    return spec.get("progressDeadlineSeconds") not in (None, NO_DEADLINE)


def is_complete(deployment: Object, status: Object) -> bool:
    """Whether all pods are of the newest template and available, and no others are left."""
    wanted = deployment["spec"]["replicas"]
    numbers = [status.get(part, 0) for part in ("updatedReplicas", "replicas", "availableReplicas")]
    return numbers == [wanted] * 3 and status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]


def note_progress(deployment: Object, status: Object, newest: Object | None) -> None:
    """Set the condition Progressing of a new status: done, on its way, or stuck for too long."""
    if not has_deadline(deployment["spec"]):
        remove(status, "Progressing")
        return
    current = find(status, "Progressing")
    settled = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if settled and current is not None and current["reason"] == AVAILABLE:
        return
    name = f'ReplicaSet "{newest["metadata"]["name"]}"' if newest else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        put(status, "Progressing", "True", AVAILABLE, f"{name} has successfully progressed.")
    elif _progressed(deployment.get("status") or {}, status):
        put(status, "Progressing", "True", "ReplicaSetUpdated", f"{name} is progressing.", fresh=True)
    elif _timed_out(deployment, current):
        put(status, "Progressing", "False", TIMED_OUT, f"{name} has timed out progressing.")


def _progressed(before: Object, after: Object) -> bool:
    def rose(part: str) -> bool:
        return bool(after.get(part, 0) > before.get(part, 0))

    def others(status: Object) -> int:
        return int(status.get("replicas", 0) - status.get("updatedReplicas", 0))

    return any(map(rose, ("updatedReplicas", "readyReplicas", "availableReplicas"))) or others(after) < others(before)


def _timed_out(deployment: Object, current: Object | None) -> bool:
    if current is None or current["reason"] == AVAILABLE:
        return False
    if current["reason"] == TIMED_OUT:
        return True
    return clock.unix() > _deadline(deployment, current)


def _deadline(deployment: Object, current: Object) -> float:
    return clock.parse(current["lastUpdateTime"]) + float(deployment["spec"]["progressDeadlineSeconds"])


def seconds_to_deadline(deployment: Object, status: Object) -> float | None:
    """When to look whether the Deployment is stuck, or None if it is done or known to be."""
    current = find(status, "Progressing")
    if not has_deadline(deployment["spec"]) or current is None or current["reason"] == TIMED_OUT:
        return None
    if is_complete(deployment, status):
        return None
    return max(0.0, _deadline(deployment, current) - clock.unix()) + 1.0


def note_failures(status: Object, newest: Object | None, sets: Sequence[Object]) -> None:
    """Hand on what a ReplicaSet says of pods that it could not create or delete, the newest one's word first."""
    for each in ([newest] if newest else []) + list(sets):
        failure = find(each.get("status") or {}, "ReplicaFailure")
        if failure is not None:
            put(status, "ReplicaFailure", failure["status"], failure["reason"], failure["message"])
            return
    remove(status, "ReplicaFailure")
