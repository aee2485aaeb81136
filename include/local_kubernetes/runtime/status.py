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
DISRUPTION = "DisruptionTarget"
FINAL = frozenset({"Succeeded", "Failed"})
_UNLOCATED = "The container could not be located when the pod was terminated"
_START_ERROR = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process"
)


@dataclass(slots=True)
class Container:
    """A container as the runtime sees it now. ``ended`` is set when the current run has ended and that is published.

    ``probed`` is what its readiness probe says; True without one. ``hook_runs``: its ``postStart`` hook does.
    ``unhealthy``: a probe has ended its run, so that it runs again, whatever its exit code, unless it never does.
    """

    spec: Object
    is_init: bool
    state: Object = field(default_factory=dict)
    last_state: Object = field(default_factory=dict)
    restarts: int = 0
    attempt: Attempt | None = None
    probed: bool = True
    hook_runs: bool = False
    unhealthy: bool = False
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
    def has_process(self) -> bool:
        """Whether commands can be run in it: also while its ``postStart`` hook keeps it from being shown to run."""
        return "running" in self.state or (self.hook_runs and self.attempt is not None)

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
    """The state of a container that has ended. A signal is told by its exit code alone, as by containerd."""
    state: Object = {"exitCode": end.code, "reason": "Completed" if end.code == 0 else "Error"}
    if end.lost:
        state["reason"] = "ContainerStatusUnknown"
        message = "The container's keeper was gone, so nobody saw how the container ended"
    elif end.error is not None:
        state["reason"] = "StartError"
        message = f"{_START_ERROR}: {end.error}"
    elif end.out_of_memory:
        state["reason"] = "OOMKilled"
    if message:
        state["message"] = message
    state["startedAt"] = clock.seconds(end.started_at) if end.started_at else _EPOCH
    state["finishedAt"] = clock.seconds(end.finished_at)
    return {"terminated": state}


def unlocated(before: Object) -> Object:
    """The state of a container that has not run when its pod is ended; ``before`` is its state until then."""
    if "waiting" not in before:
        return before
    ended = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": _UNLOCATED, "startedAt": None}
    return {"terminated": {**ended, "finishedAt": None}}


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
    again = policy != "Never"
    codes = [None if again and container.unhealthy else container.exit_code for container in mains]
    if policy == "Always" or None in codes:
        return "Running"
    if all(code == 0 for code in codes):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def final_phase(mains: list[Container]) -> str:
    """The phase of a pod that was ended: what its containers say, whatever its policy."""
    return "Succeeded" if all(main.exit_code == 0 for main in mains) else "Failed"


def compute(
    pod: Object, inits: list[Container], mains: list[Container], failure: tuple[str, str] | None, *, ended: bool = False
) -> Object:
    """The whole ``status`` of a pod.

    :param failure: reason and message when the pod has failed as a whole, whatever its containers say.
    :param ended: it was asked to end, and all of it has.
    """
    before = pod.get("status") or {}
    word = "Failed" if failure else _phase(pod, before, inits, mains, ended=ended)
    status: Object = {
        "phase": word,
        # What was ended before its containers ran is not said to be complete, as by a kubelet.
        "conditions": _conditions(
            before.get("conditions") or [],
            word,
            inits,
            mains,
            told="Pending" if ended and not failure and any("waiting" in main.state for main in mains) else word,
        ),
        "hostIP": ADDRESS,
        "hostIPs": [{"ip": ADDRESS}],
        "podIP": ADDRESS,
        "podIPs": [{"ip": ADDRESS}],
        "startTime": before.get("startTime") or clock.now(),
        "qosClass": before.get("qosClass", "BestEffort"),
    }
    status = with_states(status, inits, mains)
    if failure:
        status["reason"], status["message"] = failure
        if failure[0] == EVICTED:
            others = [c for c in status["conditions"] if c["type"] != DISRUPTION]
            status["conditions"] = [*others, _disruption(before.get("conditions") or [], failure[1])]
    return status


def with_states(status: Object, inits: list[Container], mains: list[Container]) -> Object:
    """A status with the containers' states as they are now."""
    states = {"containerStatuses": [main.status() for main in sorted(mains, key=lambda each: each.name)]}
    if inits:
        states["initContainerStatuses"] = [container.status() for container in inits]
    return {**status, **states}


def _phase(pod: Object, before: Object, inits: list[Container], mains: list[Container], *, ended: bool) -> str:
    """The phase, which never goes back."""
    if ended:
        return final_phase(mains)
    word = phase(pod["spec"]["restartPolicy"], inits, mains)
    return "Running" if word == "Pending" and before.get("phase") == "Running" else word


def before_phase(before: Object, after: Object) -> Object | None:
    """The status that is seen before the one with the final phase: a kubelet tells of the containers' ends first.

    None if there is nothing to tell before.
    """
    if after["phase"] not in FINAL or before.get("phase") in FINAL:
        return None
    conditions = [_ready_to_start() if c["type"] == "PodReadyToStartContainers" else c for c in after["conditions"]]
    return {**after, "phase": before.get("phase") or "Pending", "conditions": conditions}


def _ready_to_start() -> Object:
    return _condition(None, "PodReadyToStartContainers", True, "", "")


def _disruption(before: list[Object], message: str) -> Object:
    """The condition by which a ``podFailurePolicy`` tells a disruption from a failure of the pod's own."""
    known = next((condition for condition in before if condition["type"] == DISRUPTION), None)
    condition = _condition(known, DISRUPTION, True, "", "")
    return {**condition, "reason": "TerminationByKubelet", "message": message}


def _conditions(
    before: list[Object], word: str, inits: list[Container], mains: list[Container], told: str
) -> list[Object]:
    """:param told: the phase by which readiness is explained."""
    uninitialized = [c.name for c in inits if not (c.has_started if c.is_sidecar else c.exit_code == 0)]
    initialized = not uninitialized
    served = [*(init for init in inits if init.is_sidecar), *mains]
    unready = [container.name for container in served if not container.ready]
    ready = not unready and initialized
    reason = message = ""
    if ready:
        pass
    elif told == "Succeeded" or (told == "Failed" and not unready):
        reason = "PodCompleted"
    elif told == "Failed":
        reason = "PodFailed"
    elif unready:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    init_message = f"containers with incomplete status: [{' '.join(uninitialized)}]"
    started = any(c.attempt is not None or c.has_started for c in (*inits, *mains))
    completed = "PodCompleted" if word == "Succeeded" else ""
    wanted = [
        ("PodReadyToStartContainers", started and word not in FINAL, "", ""),
        ("Initialized", initialized, completed, "")
        if initialized
        else ("Initialized", False, "ContainersNotInitialized", init_message),
        ("Ready", ready, reason, message),
        ("ContainersReady", ready, reason, message),
        ("PodScheduled", True, "", ""),
    ]
    known = {condition["type"]: condition for condition in before}
    own = [_condition(known.get(kind), kind, holds, why, text) for kind, holds, why, text in wanted]
    kinds = {condition["type"] for condition in own}
    return [*own, *(condition for condition in before if condition["type"] not in kinds)]


def _condition(before: Object | None, kind: str, holds: bool, reason: str, message: str) -> Object:
    word = "True" if holds else "False"
    same = before is not None and before["status"] == word
    changed = before["lastTransitionTime"] if before is not None and same else clock.now()
    condition = {"type": kind, "status": word, "lastProbeTime": None, "lastTransitionTime": changed}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition
