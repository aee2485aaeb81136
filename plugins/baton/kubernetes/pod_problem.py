"""Why a pod has not started or did not run to its end, in the cluster's own words.

Read it before the pod is deleted: with the pod go its conditions and states, and nobody can describe it any more.
Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ and recordings of a kubelet (v1.36).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from baton.exceptions import PermanentError, TransientError
from baton.kubernetes.event_time import event_time

Object = dict[str, Any]

_QUIET = ("ContainerCreating", "PodInitializing", "ContainersNotReady", "ContainersNotInitialized")
"""Reasons that only say that the start goes on."""
_START_ERRORS = ("StartError", "ContainerCannotRun", "RunContainerError", "CreateContainerError")
_PASSING = (401, 408, 409, 410, 429)
"""Refusals that may pass by; 401 when a token has just been renewed."""
_QUOTA = "exceeded quota"
"""In a 403 of the quota's: room is made when other pods end."""


def problem(pod: Object, events: Sequence[Object] = ()) -> str:
    """Say what is wrong with a pod, as `reason: message`; empty when nothing is known to be.

    :param pod: as the API gives it, JSON.
    :param events: about the pod. What the pod itself says comes first: an event may be long out of date.
    """
    warnings = sorted((event for event in events if event.get("type") == "Warning"), key=event_time)
    return next(_of_states(pod), "") or (_words("", warnings[-1]) if warnings else "")


def _of_states(pod: Object) -> Iterator[str]:
    status = pod.get("status") or {}
    if status.get("reason"):
        yield _words("", status)
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield _words("", condition)
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = container.get("state") or {}
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
        waiting = state.get("waiting") or {}
        if waiting.get("reason") and waiting["reason"] not in _QUIET:
            yield _words(container["name"], waiting)
        if ended.get("reason") in _START_ERRORS:
            yield _words(container["name"], ended)


def _words(container: str, found: Object) -> str:
    parts = (f"container {container}" if container else "", found.get("reason"), (found.get("message") or "").strip())
    return ": ".join(part for part in parts if part)


def is_wrong_command(ended: Any) -> bool:
    """Whether a container could not start because its image has no such program, which no retry changes.

    :param ended: a V1ContainerStateTerminated.
    """
    return ended.reason in _START_ERRORS and 'exec: "' in (ended.message or "")


def refusal(err: Any, what: str) -> PermanentError | TransientError | None:
    """Turn the API server's refusal of a new object into an error with the server's words; None for other errors.

    A full quota may have room later. What is forbidden, invalid or names a namespace that is not there stays so.

    :param err: an ApiException.
    """
    if not isinstance(err.status, int) or not 400 <= err.status < 500 or err.status in _PASSING:
        return None
    message = f"the cluster refused {what}: {_reason(err)}"
    return TransientError(message) if _QUOTA in message else PermanentError(message)


def _reason(err: Any) -> str:
    try:
        said = json.loads(err.body or "")["message"]
    except (ValueError, KeyError, TypeError):
        said = err.reason
    return f"{err.status} {said}"
