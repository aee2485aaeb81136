"""A Job's pods: which count as what, and what a new one looks like."""

from __future__ import annotations

from typing import Any

from local_kubernetes import clock
from local_kubernetes.controllers.controller import owner_reference

Object = dict[str, Any]
FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"
_FINAL = ("Succeeded", "Failed")


def is_active(pod: Object) -> bool:
    """It has not ended and is not being deleted."""
    return phase(pod) not in _FINAL and not is_deleting(pod)


def is_terminating(pod: Object) -> bool:
    """It is being deleted and has not ended."""
    return phase(pod) not in _FINAL and is_deleting(pod)


def is_deleting(pod: Object) -> bool:
    """It is marked as deleted."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_tracked(pod: Object) -> bool:
    """It carries the finalizer by which it waits to be counted."""
    return FINALIZER in (pod["metadata"].get("finalizers") or [])


def is_ready(pod: Object) -> bool:
    """It has the condition Ready."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def has_failed(pod: Object, *, only_failed: bool) -> bool:
    """It failed, or is being deleted where that counts (``podReplacementPolicy: TerminatingOrFailed``)."""
    return phase(pod) == "Failed" or (not only_failed and is_terminating(pod))


def phase(pod: Object) -> str:
    """``Pending``, ``Running``, ``Succeeded``, ``Failed``."""
    return str((pod.get("status") or {}).get("phase", "Pending"))


def index_of(pod: Object) -> int | None:
    """Its completion index, or None."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isdecimal() else None


def failures_of(pod: Object, annotation: str = FAILURES) -> int:
    """How often its index had failed before it."""
    text = (pod["metadata"].get("annotations") or {}).get(annotation, "")
    return int(text) if text.isdecimal() else 0


def finished_at(pod: Object) -> float:
    """The Unix time of its end: of its last container, else of its deletion, else now."""
    status = pod.get("status") or {}
    ends = [
        entry["state"]["terminated"]["finishedAt"]
        for entry in status.get("containerStatuses") or []
        if ((entry.get("state") or {}).get("terminated") or {}).get("finishedAt")
    ]
    if ends:
        return max(clock.parse(end) for end in ends)
    deleted = pod["metadata"].get("deletionTimestamp")
    if deleted:
        return clock.parse(deleted) - float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    return clock.unix()


def restarts_of(pod: Object) -> int:
    """How often its containers were started again."""
    status = pod.get("status") or {}
    entries = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return sum(int(entry.get("restartCount", 0)) for entry in entries)


def removal_rank(pod: Object) -> tuple[Any, ...]:
    """Those that have done least go first."""
    order = {"Pending": 0, "Running": 1}
    bound = bool(pod["spec"].get("nodeName"))
    age = -clock.parse(pod["metadata"]["creationTimestamp"])
    return bound, order.get(phase(pod), 2), is_ready(pod), age, pod["metadata"]["name"]


def new_pod(job: Object, index: int | None = None, annotations: dict[str, str] | None = None) -> Object:
    """The body of one more pod of a Job."""
    template, name = job["spec"]["template"], job["metadata"]["name"]
    metadata = template["metadata"]
    labels = dict(metadata.get("labels") or {})
    notes = {**(metadata.get("annotations") or {}), **(annotations or {})}
    spec = template["spec"]
    prefix = f"{name}-"
    if index is not None:
        labels[INDEX] = notes[INDEX] = str(index)
        spec = _indexed(spec, f"{name}-{index}")
        prefix = f"{name}-{index}-"
    made = {
        "generateName": prefix,
        "labels": labels,
        "annotations": notes,
        "ownerReferences": [owner_reference(job)],
        "finalizers": [*(f for f in metadata.get("finalizers") or [] if f != FINALIZER), FINALIZER],
    }
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {key: value for key, value in made.items() if value},
        "spec": spec,
    }


def _indexed(spec: Object, host_name: str) -> Object:
    variable = {
        "name": "JOB_COMPLETION_INDEX",
        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}},
    }

    def with_index(container: Object) -> Object:
        have = container.get("env") or []
        if any(entry.get("name") == variable["name"] for entry in have):
            return container
        return {**container, "env": [*have, variable]}

    parts = {part: [with_index(c) for c in spec[part]] for part in ("initContainers", "containers") if spec.get(part)}
    return {**spec, **parts, "hostname": host_name[:63]}
