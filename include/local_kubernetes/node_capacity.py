"""The room on the node: what its pods request together, and what a new one would lack.

A pod keeps its requests until it has ended, also while it is being deleted. By default there is room for everything: a
machine that runs a demo need not have the processors that a cluster has.
Source: https://kubernetes.io/docs/concepts/scheduling-eviction/ and recordings of a scheduler (v1.36).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .events import NODE
from .kinds.pod_check import quantity
from .runtime.status import FINAL
from .store import Change, Store

Object = dict[str, Any]
RESOURCES = ("cpu", "memory")


class NodeCapacity:
    """What is left for pods.

    :param allocatable: resource → amount, such as ``{"cpu": "2", "memory": "4Gi"}``; what is not named has no end.
    """

    def __init__(self, store: Store, allocatable: Mapping[str, str]) -> None:
        self._store = store
        self._allocatable = {name: _number(amount) for name, amount in allocatable.items()}

    def lack(self, pod: Object) -> str:
        """A scheduler's words for what a pod would lack; empty if there is room."""
        gadgets = _extended(pod)
        if gadgets:  # a device that this machine does not offer
            return unavailable(", ".join(f"1 Insufficient {name}" for name in gadgets), helps=False)
        wanted = {name: request(pod, name) for name in self._allocatable}
        used = {name: sum(request(each, name) for each in self._holders()) for name in wanted}
        lacks = [name for name, amount in wanted.items() if amount and used[name] + amount > self._allocatable[name]]
        if not lacks:
            return ""
        too_large = any(wanted[name] > self._allocatable[name] for name in lacks)
        return unavailable(", ".join(f"1 Insufficient {name}" for name in lacks), helps=not too_large)

    def grows_by(self, change: Change) -> bool:
        """Whether a change gives room to pods that wait."""
        if not self._allocatable or change.key.resource != "pods" or change.type == "ADDED":
            return False
        before = change.before or change.object
        ends = change.type == "DELETED" or change.object["status"]["phase"] in FINAL
        return ends and _holds(before)

    def _holders(self) -> list[Object]:
        return [pod for pod in self._store.objects("pods") if _holds(pod)]


def _extended(pod: Object) -> list[str]:
    """Resources of other makers that a pod asks for, such as ``nvidia.com/gpu``."""
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
    named = {name for each in containers for name in (each.get("resources") or {}).get("limits") or {}}
    named |= {name for each in containers for name in (each.get("resources") or {}).get("requests") or {}}
    return sorted(name for name in named if "/" in name)


def request(pod: Object, resource: str) -> Decimal:
    """What a pod requests: its containers together with its side-cars, or its largest init container.

    A limit without a request is the request.
    """
    spec = pod["spec"]
    inits = spec.get("initContainers") or []
    sidecars = [each for each in inits if each.get("restartPolicy") == "Always"]
    together = sum((_of(each, resource) for each in (*spec["containers"], *sidecars)), Decimal(0))
    return max([together, *(_of(each, resource) for each in inits)])


def unavailable(why: str, *, helps: bool) -> str:
    """A scheduler's message about the only node.

    :param helps: whether ending other pods would make room, if they were less important.
    """
    reason = "No preemption victims found for incoming pod" if helps else "Preemption is not helpful for scheduling"
    tail = f"no new claims to deallocate, preemption: 0/1 nodes are available: 1 {reason}."
    return f"0/1 nodes are available: {why}. {tail}"


def _holds(pod: Object) -> bool:
    return pod["spec"].get("nodeName") == NODE and (pod.get("status") or {}).get("phase") not in FINAL


def _of(container: Object, resource: str) -> Decimal:
    resources = container.get("resources") or {}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    return _number(requests.get(resource, limits.get(resource, "0")))


def _number(amount: Any) -> Decimal:
    return quantity(amount)
