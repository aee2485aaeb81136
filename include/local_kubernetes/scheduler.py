"""Binds pods to the only node there is: at once, later if the cluster is slow, the node full or not for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from . import clock
from .errors import ApiError
from .events import NODE, Recorder
from .node_capacity import NodeCapacity
from .placement import mismatch
from .runtime.node import Node
from .store import Change, Key, Store, pod_key

Object = dict[str, Any]
_LOG = logging.getLogger(__name__)
_SCHEDULED = "PodScheduled"
UNSCHEDULABLE = "Unschedulable"


class Scheduler:
    """Decides when a pod starts.

    :param delay: seconds that a pod stays Pending before it is bound; 0 binds it as it is admitted.
    :param room: how much pods may request together; everything without it.
    """

    node_name = NODE

    def __init__(
        self, store: Store, node: Node, events: Recorder, delay: Callable[[], float], room: NodeCapacity | None = None
    ) -> None:
        self._store = store
        self._room = room or NodeCapacity(store, {})
        self._node = node
        self._events = events
        self._delay = delay
        store.listen(self._changed)

    def start(self) -> None:
        """Bind what an earlier server left unbound."""
        waiting = [pod for pod in self._store.objects("pods") if not pod["spec"].get("nodeName")]
        for pod in sorted(waiting, key=lambda pod: str(pod["metadata"]["creationTimestamp"])):
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

    def _obstacle(self, pod: Object) -> tuple[str, str] | None:
        """Reason and message, as a real scheduler gives them."""
        if pod["spec"].get("schedulingGates"):
            return "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"
        node = self._store.get(Key("nodes", "", NODE))
        message = mismatch(pod, node.object, self._claim) if node is not None else ""
        message = message or self._room.lack(pod)
        return (UNSCHEDULABLE, message) if message else None

    def _claim(self, namespace: str, name: str) -> Object | None:
        stored = self._store.get(Key("persistentvolumeclaims", namespace, name))
        return stored.object if stored else None

    def _bind_later(self, pod: Object) -> None:
        obstacle = self._obstacle(pod)
        if obstacle:
            self._tell(pod, *obstacle)
            return
        asyncio.get_running_loop().call_later(self._delay(), self._bind, pod_key(pod), pod["metadata"]["uid"])

    def _tell(self, pod: Object, reason: str, message: str) -> None:
        """Say why a pod has no node, in its condition and in an event; not again while nothing has changed."""
        known: Object = next(
            (c for c in (pod.get("status") or {}).get("conditions") or [] if c["type"] == _SCHEDULED), {}
        )
        if known.get("message") == message:
            return
        condition = {"status": "False", "reason": reason, "message": message}
        try:
            self._store.put(pod_key(pod), _with_condition(pod, condition))
        except ApiError as err:  # a full disk
            _LOG.error("pod %s: its condition is not stored: %s", pod["metadata"]["name"], err)
        if reason == UNSCHEDULABLE:
            self._events.record(pod, "FailedScheduling", message, warning=True, component="default-scheduler")

    def _bind(self, key: Key, uid: str) -> None:
        stored = self._store.get(key)
        if stored is None or stored.object["metadata"]["uid"] != uid:
            return
        pod = stored.object
        if pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp"):
            return
        if obstacle := self._obstacle(pod):  # it was looked for before the delay, and others came first
            self._tell(pod, *obstacle)
            return
        try:
            self._node.start_pod(self._store.put(key, _bound(pod)).object)
        except ApiError as err:  # a full disk: the pod stays Pending, as in a cluster
            _LOG.error("pod %s/%s not bound: %s", key.namespace, key.name, err)

    def _changed(self, change: Change) -> None:
        if change.key.resource == "nodes" and change.type == "MODIFIED":
            if _offer(change.object) != _offer(change.before or {}):
                self.start()
        elif change.key.resource == "persistentvolumeclaims" and change.type == "ADDED":
            asyncio.get_running_loop().call_soon(self.start)
        elif change.key.resource == "pods" and change.type == "MODIFIED" and change.before is not None:
            was, now = change.before["spec"], change.object["spec"]
            if was.get("schedulingGates") and not now.get("schedulingGates") and not now.get("nodeName"):
                self._bind_later(change.object)
        if self._room.grows_by(change):
            asyncio.get_running_loop().call_soon(self.start)


def _offer(node: Object) -> tuple[Any, Any]:
    """What decides on who may come."""
    return (node.get("metadata") or {}).get("labels"), node.get("spec")


def _bound(pod: Object) -> Object:
    return {**_with_condition(pod, {"status": "True"}), "spec": {**pod["spec"], "nodeName": NODE}}


def _with_condition(pod: Object, found: Object) -> Object:
    condition = {"type": _SCHEDULED, "lastProbeTime": None, "lastTransitionTime": clock.now(), **found}
    others = [c for c in (pod.get("status") or {}).get("conditions") or [] if c["type"] != _SCHEDULED]
    return {**pod, "status": {**(pod.get("status") or {}), "conditions": [*others, condition]}}
