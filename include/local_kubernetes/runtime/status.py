"""A pod's status, computed from the states of its containers.

Source: https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/kubelet_pods.go (getPhase) and
 https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from local_kubernetes import clock

from .attempt import Attempt, Exit

Object = dict[str, Any]
ADDRESS = "127.0.0.1"
_EPOCH = "1970-01-01T00:00:00Z"
EVICTED = "Evicted"
_START_ERROR = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process"
)


@dataclass(slots=True)
class Container:
    """A container as the runtime sees it now. ``ended`` is set when the current run has ended and that is published.

    ``probed`` is what its readiness probe says; True without one.
    """

    spec: Object
    is_init: bool
    state: Object = field(default_factory=dict)
    last_state: Object = field(default_factory=dict)
    restarts: int = 0
    attempt: Attempt | None = None
    probed: bool = True
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        """The container's name, unique in its pod."""
        return str(self.spec["name"])

    @property
    def is_sidecar(self) -> bool:
        """Whether it is an init container that goes on while the others run."""
        return self.is_init and self.spec.get("restartPolicy") == "Always"

    @property
    def has_started(self) -> bool:
        """Whether it runs or has run."""
        return "waiting" not in self.state or bool(self.last_state)

    @property
    def ready(self) -> bool:
        """Whether it runs and its readiness probe says so."""
        return "running" in self.state and self.probed

    @property
    def exit_code(self) -> int | None:
        """The exit code of a container that has ended."""
        return (self.state.get("terminated") or {}).get("exitCode")

    def status(self) -> Object:
        """The entry in ``containerStatuses``."""
        running = "running" in self.state
        done = self.is_init and not self.is_sidecar and self.exit_code == 0
        status = {
            "name": self.name,
            "state": self.state,
            "lastState": self.last_state,
            "ready": self.ready or done,
            "restartCount": self.restarts,
            "image": self.spec["image"],
            "imageID": "",
            "started": running,
        }
        if running or self.exit_code is not None:
            status["imageID"] = f"local://{self.spec['image']}"
            status["containerID"] = f"local://{self.name}-{self.restarts}"
        return status


def waiting(reason: str, message: str = "") -> Object:
    """The state of a container that does not run yet."""
    return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}


def terminated(end: Exit, message: str = "") -> Object:
    """The state of a container that has ended."""
    state: Object = {"exitCode": end.code, "reason": "Completed" if end.code == 0 else "Error"}
    if end.lost:
        state["reason"] = "ContainerStatusUnknown"
        message = "The container's keeper was gone, so nobody saw how the container ended"
    elif end.error is not None:
        state["reason"] = "StartError"
        message = f"{_START_ERROR}: {end.error}"
    elif end.out_of_memory:
        state["reason"] = "OOMKilled"
    if end.signal is not None:
        state["signal"] = end.signal
    if message:
        state["message"] = message
    state["startedAt"] = clock.seconds(end.started_at) if end.started_at else _EPOCH
    state["finishedAt"] = clock.seconds(end.finished_at)
    return {"terminated": state}


def phase(policy: str, inits: list[Container], mains: list[Container]) -> str:
    """The phase that follows from the containers alone."""
    sidecars = [init for init in inits if init.is_sidecar]
    if any("running" in sidecar.state for sidecar in sidecars):
        return "Running" if any(main.has_started for main in mains) else "Pending"
    for init in inits:
        if init.is_sidecar:
            continue
        if init.exit_code is None or init.exit_code != 0:
            failed = init.exit_code is not None and policy == "Never"
            return "Failed" if failed else "Pending"
    if any("running" in container.state for container in mains):
        return "Running"
    if any(container.exit_code is None and not container.last_state for container in mains):
        return "Pending"
    codes = [container.exit_code for container in mains]
    if policy == "Always" or None in codes:
        return "Running"
    if all(code == 0 for code in codes):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def compute(pod: Object, inits: list[Container], mains: list[Container], failure: tuple[str, str] | None) -> Object:
    """The whole ``status`` of a pod.

    :param failure: reason and message when the pod has failed as a whole, whatever its containers say.
    """
    before = pod.get("status") or {}
    word = "Failed" if failure else phase(pod["spec"]["restartPolicy"], inits, mains)
    status: Object = {
        "phase": word,
        "conditions": _conditions(before.get("conditions") or [], word, inits, mains),
        "hostIP": ADDRESS,
        "hostIPs": [{"ip": ADDRESS}],
        "podIP": ADDRESS,
        "podIPs": [{"ip": ADDRESS}],
        "startTime": before.get("startTime") or clock.now(),
        "containerStatuses": [container.status() for container in mains],
        "qosClass": before.get("qosClass", "BestEffort"),
    }
    if inits:
        status["initContainerStatuses"] = [container.status() for container in inits]
    if failure:
        status["reason"], status["message"] = failure
        if failure[0] == EVICTED:
            status["conditions"].append(_disruption(before.get("conditions") or [], failure[1]))
    return status


def _disruption(before: list[Object], message: str) -> Object:
    """The condition by which a ``podFailurePolicy`` tells a disruption from a failure of the pod's own."""
    known = next((condition for condition in before if condition["type"] == "DisruptionTarget"), None)
    condition = _condition(known, "DisruptionTarget", True, "", "")
    return {**condition, "reason": "TerminationByKubelet", "message": message}


def _conditions(before: list[Object], word: str, inits: list[Container], mains: list[Container]) -> list[Object]:
    uninitialized = [c.name for c in inits if not (c.has_started if c.is_sidecar else c.exit_code == 0)]
    initialized = not uninitialized
    served = [*(init for init in inits if init.is_sidecar), *mains]
    unready = [container.name for container in served if not container.ready]
    reason = message = ""
    if word == "Succeeded" or (word == "Failed" and not unready):
        reason = "PodCompleted"
    elif word == "Failed":
        reason = "PodFailed"
    elif unready:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    init_message = f"containers with incomplete status: [{' '.join(uninitialized)}]"
    wanted = [
        ("PodReadyToStartContainers", word not in ("Succeeded", "Failed"), "", ""),
        ("Initialized", initialized, "ContainersNotInitialized", init_message),
        ("Ready", not unready and initialized, reason, message),
        ("ContainersReady", not unready and initialized, reason, message),
        ("PodScheduled", True, "", ""),
    ]
    known = {condition["type"]: condition for condition in before}
    return [_condition(known.get(kind), kind, holds, why, text) for kind, holds, why, text in wanted]


def _condition(before: Object | None, kind: str, holds: bool, reason: str, message: str) -> Object:
    word = "True" if holds else "False"
    same = before is not None and before["status"] == word
    changed = before["lastTransitionTime"] if before is not None and same else clock.now()
    condition = {"type": kind, "status": word, "lastProbeTime": None, "lastTransitionTime": changed}
    if not holds and reason:
        condition["reason"] = reason
    if not holds and message:
        condition["message"] = message
    return condition
