"""Read a Job's status as Kubernetes means it.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

COMPLETE, FAILED = "Complete", "Failed"
ENDING = {"SuccessCriteriaMet": COMPLETE, "FailureTarget": FAILED}
"""Condition → how the Job will end. Its pods are still being ended then."""

_FAILURES = {
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "PodFailurePolicy",
    "FailedIndexes",
    "MaxFailedIndexesExceeded",
}


def true_conditions(job: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the conditions that hold, by type."""
    conditions = (job.get("status") or {}).get("conditions") or []
    return {condition["type"]: condition for condition in conditions if condition.get("status") == "True"}


def end_of(job: Mapping[str, Any]) -> str | None:
    """Return `Complete` or `Failed` when the Job has ended, else None.

    Why not SuccessCriteriaMet and FailureTarget: they say how it will end while its pods still run.
    """
    conditions = true_conditions(job)
    return next((kind for kind in (COMPLETE, FAILED) if kind in conditions), None)


def why_ended(job: Mapping[str, Any]) -> str:
    """Return the reason and message of the condition that ended it, such as `BackoffLimitExceeded: …`."""
    condition = true_conditions(job).get(end_of(job) or "", {})
    return ": ".join(text for text in (condition.get("reason"), condition.get("message")) if text)


def end_by_events(events: Iterable[Mapping[str, Any]]) -> tuple[str | None, str]:
    """Return how a Job ended by what its controller said about it, and why; events outlive the Job for an hour.

    Source: the reasons recorded in pkg/controller/job/job_controller.go of kubernetes/kubernetes.
    """
    for event in events:
        reason = event.get("reason") or ""
        if reason == "Completed":
            return COMPLETE, ""
        if reason in _FAILURES:
            return FAILED, f"{reason}: {event.get('message')}"
    return None, ""


def last_failure(pods: Iterable[Mapping[str, Any]], own: Collection[str] = ()) -> str:
    """Return the exit code of the container that failed last and the last line it left; empty if none is known.

    :param own: the containers of the Job's template. A side-car that a cluster puts beside them is often ended by
        force once they have failed, later than they, and gets the blame only where none of them failed.
    """
    ended = [
        (state, pod["metadata"]["name"], status["name"])
        for pod in pods
        for status in (pod.get("status") or {}).get("containerStatuses") or []
        if (state := _terminated(status)) and state.get("exitCode")
    ]
    if not ended:
        return ""
    blamed = [each for each in ended if each[2] in own] or ended
    state, pod, container = max(blamed, key=lambda each: str(each[0].get("finishedAt") or ""))
    said = str(state.get("message") or state.get("reason") or "").strip().splitlines()[-1:]
    return ": ".join([f"pod {pod}, container {container} ended with exit code {state['exitCode']}", *said])


def containers_of(job: Mapping[str, Any]) -> set[str]:
    """The names of the containers that a Job's template has."""
    pod = job["spec"]["template"]["spec"]
    return {container["name"] for group in ("initContainers", "containers") for container in pod.get(group) or []}


def _terminated(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for place in ("state", "lastState"):
        if found := (status.get(place) or {}).get("terminated"):
            return dict(found)
    return None
