"""Binds pods to the only node there is: at once, later if the cluster is slow or the node cordoned."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from . import clock
from .errors import ApiError
from .events import NODE, Recorder
from .runtime.node import Node
from .store import Change, Key, Store, pod_key

Object = dict[str, Any]
_LOG = logging.getLogger(__name__)


class Scheduler:
    """Decides when a pod starts.

    :param delay: seconds that a pod stays Pending before it is bound; 0 binds it as it is admitted.
    """

    node_name = NODE

    def __init__(self, store: Store, node: Node, events: Recorder, delay: Callable[[], float]) -> None:
        self._store = store
        self._node = node
        self._events = events
        self._delay = delay
        store.listen(self._changed)

    def start(self) -> None:
        """Bind what an earlier server left unbound."""
        for pod in self._store.objects("pods"):
            if not pod["spec"].get("nodeName"):
                self._bind_later(pod)

    def admit(self, pod: Object) -> Object:
        """A new pod, bound if nothing speaks against it."""
        if pod["spec"].get("nodeName") or self._obstacle(pod) or self._delay() > 0:
            return pod
        return _bound(pod)

    def created(self, pod: Object) -> None:
        """Start a stored pod if it is bound to this node; else see to it later."""
        if pod["spec"].get("nodeName") == NODE:
            self._node.start_pod(pod)
        elif not pod["spec"].get("nodeName"):
            self._bind_later(pod)

    def _obstacle(self, pod: Object) -> str:
        if pod["spec"].get("schedulingGates"):
            return "Scheduling is blocked due to non-empty scheduling gates"
        node = self._store.get(Key("nodes", "", NODE))
        if node is not None and node.object["spec"].get("unschedulable"):
            return "0/1 nodes are available: 1 node(s) were unschedulable."
        return ""

    def _bind_later(self, pod: Object) -> None:
        obstacle = self._obstacle(pod)
        if obstacle:
            self._events.record(pod, "FailedScheduling", obstacle, warning=True, component="default-scheduler")
            return
        asyncio.get_running_loop().call_later(self._delay(), self._bind, pod_key(pod), pod["metadata"]["uid"])

    def _bind(self, key: Key, uid: str) -> None:
        stored = self._store.get(key)
        if stored is None or stored.object["metadata"]["uid"] != uid:
            return
        pod = stored.object
        if pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp") or self._obstacle(pod):
            return
        try:
            self._node.start_pod(self._store.put(key, _bound(pod)).object)
        except ApiError as err:  # a full disk: the pod stays Pending, as in a cluster
            _LOG.error("pod %s/%s not bound: %s", key.namespace, key.name, err)

    def _changed(self, change: Change) -> None:
        if change.key.resource == "nodes" and change.type == "MODIFIED":
            before = (change.before or {}).get("spec", {}).get("unschedulable")
            if before and not change.object["spec"].get("unschedulable"):
                self.start()
        elif change.key.resource == "pods" and change.type == "MODIFIED" and change.before is not None:
            was, now = change.before["spec"], change.object["spec"]
            if was.get("schedulingGates") and not now.get("schedulingGates") and not now.get("nodeName"):
                self._bind_later(change.object)


def _bound(pod: Object) -> Object:
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": clock.now()}
    others = [c for c in (pod.get("status") or {}).get("conditions") or [] if c["type"] != "PodScheduled"]
    status = {**(pod.get("status") or {}), "conditions": [*others, condition]}
    return {**pod, "spec": {**pod["spec"], "nodeName": NODE}, "status": status}
