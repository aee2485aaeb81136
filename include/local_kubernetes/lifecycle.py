"""What happens when an object is created or deleted, beyond storing it. Some kinds need more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from .access import admission
from .deletion import DeleteOptions, marked, with_propagation
from .errors import forbidden
from .runtime.node import Node
from .runtime.status import FINAL
from .scheduler import Scheduler
from .store import Key, Store

Object = dict[str, Any]


class Lifecycle:
    """Objects that are only stored."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def admit(self, obj: Object) -> Object:
        """A last word before a new object is stored: change it or raise."""
        return obj

    def created(self, key: Key, obj: Object) -> None:
        """Called once after an object was stored."""

    async def settled(self, key: Key, obj: Object) -> Object:
        """The new object as its creator shall see it; may wait a moment for something to tell."""
        return obj

    def check_deletion(self, obj: Object) -> None:
        """Refuse to have it deleted, also in a dry run, by raising."""

    def delete(self, key: Key, obj: Object, options: DeleteOptions) -> Object:
        """Remove an object, or mark it when a finalizer holds it; returns its last state."""
        wanted = with_propagation(obj, options.propagation)
        if not wanted["metadata"].get("finalizers"):
            return self.store.remove(key) or obj
        wanted = marked(wanted, 0)
        return obj if wanted is obj else self.store.put(key, wanted).object

    def released(self, key: Key, obj: Object) -> Object:
        """Called when the last finalizer of a deleted object was taken away."""
        return self.store.remove(key) or obj


class ControlledLifecycle(Lifecycle):
    """Objects that a controller acts on."""

    async def settled(self, key: Key, obj: Object) -> Object:
        """Let the controller have its first look, so that a client finds the pods of the Job it has just made."""
        await asyncio.sleep(0)
        return obj


class PodLifecycle(Lifecycle):
    """Pods run on the node."""

    def __init__(self, store: Store, node: Node, scheduler: Scheduler, *, allow_host_path: bool) -> None:
        super().__init__(store)
        self._node = node
        self._scheduler = scheduler
        self._allow_host_path = allow_host_path

    def admit(self, obj: Object) -> Object:
        """Refuse host paths unless the server was started to allow them, and bind it if the node takes pods now."""
        volumes = obj["spec"].get("volumes") or []
        paths = [volume["name"] for volume in volumes if "hostPath" in volume]
        if paths and not self._allow_host_path:
            raise forbidden(
                f'pods "{obj["metadata"]["name"]}" is forbidden: hostPath volumes are not allowed (volume '
                f'"{paths[0]}"); start the server with --allow-host-path to allow them'
            )
        return self._scheduler.admit(admission.admit(self.store, obj))

    def created(self, key: Key, obj: Object) -> None:
        """Start it, now or when the scheduler gets to it."""
        self._scheduler.created(obj)

    async def settled(self, key: Key, obj: Object) -> Object:
        """Answer with the first thing that there is to tell about it."""
        return await self._node.settled(obj)

    def delete(self, key: Key, obj: Object, options: DeleteOptions) -> Object:
        """Mark it and end its containers; the node removes it when they have ended."""
        grace = options.grace_seconds
        if grace is None:
            grace = float(obj["spec"].get("terminationGracePeriodSeconds", 30))
        if obj["status"]["phase"] in FINAL or not obj["spec"].get("nodeName"):
            grace = 0
        wanted = marked(with_propagation(obj, options.propagation), grace)
        stored = obj if wanted is obj else self.store.put(key, wanted).object
        if self._node.runner(obj) is not None:
            self._node.delete(stored, grace)
        elif grace == 0 or obj["spec"].get("nodeName") == self._scheduler.node_name:
            self._node.release(stored)
        return stored

    def released(self, key: Key, obj: Object) -> Object:
        """Without finalizers it goes as soon as its containers have ended."""
        if self._node.runner(obj) is None:
            self._node.release(obj)
        return obj


class NamespaceLifecycle(Lifecycle):
    """A namespace takes everything in it along: its controller empties it and then removes it."""

    def check_deletion(self, obj: Object) -> None:
        """``default`` stays."""
        if obj["metadata"]["name"] == "default":
            details = {"name": "default", "kind": "namespaces"}
            raise forbidden('namespaces "default" is forbidden: this namespace may not be deleted', details)

    def delete(self, key: Key, obj: Object, options: DeleteOptions) -> Object:
        """Mark it as Terminating."""
        self.check_deletion(obj)
        terminating = {**marked(obj, 0), "status": {"phase": "Terminating"}}
        terminating["metadata"] = {
            k: v for k, v in terminating["metadata"].items() if k != "deletionGracePeriodSeconds"
        }
        return self.store.put(key, terminating).object


Lifecycles = Mapping[str, Lifecycle]
