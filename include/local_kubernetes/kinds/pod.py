"""Pods: defaults as kube-apiserver sets them, the table of ``kubectl get pods``, and what may be changed later."""

from __future__ import annotations

import copy
from typing import Any

from local_kubernetes.errors import Cause
from local_kubernetes.resources import Column, Kind

from .columns import age, since
from .pod_check import check_spec
from .pod_template import complete_spec

Object = dict[str, Any]
_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
]
_IMMUTABLE_HELP = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _complete(obj: Object) -> Object:
    spec = {
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "tolerations": _TOLERATIONS,
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        **complete_spec(obj.get("spec") or {}),
    }
    status = {"phase": "Pending", "qosClass": _quality(spec)}
    return {**obj, "spec": spec, "status": status}


def _quality(spec: Object) -> str:
    resources = [c.get("resources") or {} for c in spec.get("containers") or [] if isinstance(c, dict)]
    if not any(r.get("requests") or r.get("limits") for r in resources):
        return "BestEffort"
    limited = all({"cpu", "memory"} <= set(r.get("limits") or {}) for r in resources)
    exact = all((r.get("requests") or r.get("limits")) == r.get("limits") for r in resources)
    return "Guaranteed" if limited and exact else "Burstable"


def _frozen(spec: Object) -> Object:
    rest = copy.deepcopy(spec)
    # Gates may go and none may come, which nobody tries here.
    for name in ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates"):
        rest.pop(name, None)
    for part in ("containers", "initContainers"):
        for container in rest.get(part) or []:
            container.pop("image", None)
    return rest


def _check_update(before: Object, after: Object) -> list[Cause]:
    if _frozen(before["spec"]) != _frozen(after["spec"]):
        return [Cause("spec", "FieldValueForbidden", _IMMUTABLE_HELP)]
    return []


def status_word(pod: Object) -> str:
    """The word in kubectl's STATUS column: the reason that matters most, else the phase.

    Source: https://github.com/kubernetes/kubernetes/blob/master/pkg/printers/internalversion/printers.go (printPod)
    """
    status = pod.get("status") or {}
    word: str = status.get("reason") or status.get("phase") or "Unknown"
    running = False
    for container in reversed(status.get("containerStatuses") or []):
        state = container.get("state") or {}
        running = running or "running" in state
        word = _state_word(state) or word
    if word == "Completed" and running:
        word = "Running"
    inits = status.get("initContainerStatuses") or []
    sidecars = _sidecars(pod)
    done = sum(1 for c in inits if _is_done(c, sidecars))
    if done < len(inits):
        state = inits[done].get("state") or {}
        reason = _state_word(state)
        word = f"Init:{reason}" if reason and reason != "PodInitializing" else f"Init:{done}/{len(inits)}"
    return "Terminating" if pod["metadata"].get("deletionTimestamp") else word


def _sidecars(pod: Object) -> set[str]:
    inits = (pod.get("spec") or {}).get("initContainers") or []
    return {container["name"] for container in inits if container.get("restartPolicy") == "Always"}


def _is_done(status: Object, sidecars: set[str]) -> bool:
    if status.get("name") in sidecars:
        return "waiting" not in (status.get("state") or {}) or bool(status.get("lastState"))
    return bool((status.get("state") or {}).get("terminated", {}).get("exitCode") == 0)


def _state_word(state: Object) -> str:
    ended = state.get("terminated")
    if ended:
        signal = f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended['exitCode']}"
        return str(ended.get("reason") or signal)
    return str((state.get("waiting") or {}).get("reason") or "")


def _ready(pod: Object) -> str:
    status, sidecars = pod.get("status") or {}, _sidecars(pod)
    inits = [c for c in status.get("initContainerStatuses") or [] if c["name"] in sidecars]
    ready = sum(1 for c in [*inits, *(status.get("containerStatuses") or [])] if c.get("ready"))
    return f"{ready}/{len(pod['spec']['containers']) + len(sidecars)}"


def _restarts(pod: Object) -> str:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    total = sum(c.get("restartCount", 0) for c in statuses)
    ends = [
        c["lastState"]["terminated"]["finishedAt"] for c in statuses if (c.get("lastState") or {}).get("terminated")
    ]
    return f"{total} ({since(max(ends))} ago)" if total and ends else str(total)


POD = Kind(
    plural="pods",
    kind="Pod",
    singular="pod",
    short_names=("po",),
    categories=("all",),
    subresources=("attach", "binding", "eviction", "exec", "log", "status"),
    fields=frozenset(
        {
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        }
    ),
    columns=(
        Column("Name", lambda obj: obj["metadata"]["name"], format="name"),
        Column("Ready", _ready),
        Column("Status", status_word),
        Column("Restarts", _restarts),
        Column("Age", age),
        Column("IP", lambda obj: (obj.get("status") or {}).get("podIP") or "<none>", priority=1),
        Column("Node", lambda obj: obj["spec"].get("nodeName") or "<none>", priority=1),
        Column("Nominated Node", lambda obj: "<none>", priority=1),
        Column("Readiness Gates", lambda obj: "<none>", priority=1),
    ),
    counts_generations=True,
    returns_status_when_deleted=False,
    complete=_complete,
    check=lambda pod: check_spec(pod["spec"], "spec"),
    check_update=_check_update,
)
