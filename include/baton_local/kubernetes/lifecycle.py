"""What happens when an object is created or deleted, beyond storing it. A controller's kind gets a class of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from . import clock
from .errors import forbidden
from .events import NODE
from .names import new_uid
from .resources import Registry
from .runtime.node import FINAL, Node, deletion_mark
from .store import Key, Store

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How a client wants something to be deleted. ``grace_seconds`` None leaves it to the object."""

    grace_seconds: float | None = None


class Lifecycle:
    """Objects that are only stored."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def admit(self, obj: Object) -> Object:
        """A last word before a new object is stored: change it or raise."""
        return obj

    async def created(self, key: Key, obj: Object) -> Object:
        """Called once after an object was stored; returns it as the client shall see it."""
        return obj

    def delete(self, key: Key, obj: Object, options: DeleteOptions) -> Object:
        """Remove an object, or mark it when a finalizer holds it; returns its last state."""
        if obj["metadata"].get("finalizers"):
            marked = deletion_mark(obj, 0)
            return self.store.put(key, marked).object if marked is not obj else obj
        return self.store.remove(key) or obj

    def released(self, key: Key, obj: Object) -> Object:
        """Called when the last finalizer of a deleted object was taken away."""
        return self.store.remove(key) or obj


class PodLifecycle(Lifecycle):
    """Pods run on the node."""

    def __init__(self, store: Store, node: Node, *, allow_host_path: bool) -> None:
        super().__init__(store)
        self._node = node
        self._allow_host_path = allow_host_path

    def admit(self, obj: Object) -> Object:
        """Refuse host paths unless the server was started to allow them, and bind it to the only node there is."""
        volumes = obj["spec"].get("volumes") or []
        paths = [volume["name"] for volume in volumes if "hostPath" in volume]
        if paths and not self._allow_host_path:
            raise forbidden(
                f'pods "{obj["metadata"]["name"]}" is forbidden: hostPath volumes are not allowed (volume '
                f'"{paths[0]}"); start the server with --allow-host-path to allow them'
            )
        return {**obj, "spec": {**obj["spec"], "nodeName": NODE}}

    async def created(self, key: Key, obj: Object) -> Object:
        """Start it before the client gets its answer."""
        return await self._node.create(obj)

    def delete(self, key: Key, obj: Object, options: DeleteOptions) -> Object:
        """Mark it and end its containers; the node removes it when they have ended."""
        grace = options.grace_seconds
        if grace is None:
            grace = float(obj["spec"].get("terminationGracePeriodSeconds", 30))
        if obj["status"]["phase"] in FINAL:
            grace = 0
        marked = deletion_mark(obj, grace)
        stored = self.store.put(key, marked).object if marked is not obj else obj
        if obj["status"]["phase"] in FINAL and self._node.runner(obj) is None:
            self._node.release(stored)
        else:
            self._node.delete(stored, grace)
        return stored

    def released(self, key: Key, obj: Object) -> Object:
        """Without finalizers it goes as soon as its containers have ended."""
        if self._node.runner(obj) is None:
            self._node.release(obj)
        return obj


class NamespaceLifecycle(Lifecycle):
    """A namespace brings a service account and takes everything with it."""

    def __init__(self, store: Store, registry: Registry, others: dict[str, Lifecycle]) -> None:
        super().__init__(store)
        self._registry = registry
        self._others = others
        self._tasks: set[asyncio.Task[None]] = set()

    async def created(self, key: Key, obj: Object) -> Object:
        """Give it the service account that pods use by default."""
        self.add_service_account(key.name)
        return obj

    def add_service_account(self, namespace: str) -> None:
        """Store the account ``default`` in a namespace."""
        metadata = {"name": "default", "namespace": namespace, "uid": new_uid(), "creationTimestamp": clock.now()}
        account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": metadata}
        self.store.put(Key("serviceaccounts", namespace, "default"), account)

    def delete(self, key: Key, obj: Object, options: DeleteOptions) -> Object:
        """Mark it as Terminating, delete what is in it, and remove it when it is empty."""
        if obj["metadata"]["name"] == "default":
            raise forbidden('namespaces "default" is forbidden: this namespace may not be deleted')
        marked = {**deletion_mark(obj, 0), "status": {"phase": "Terminating"}}
        marked["metadata"] = {k: v for k, v in marked["metadata"].items() if k != "deletionGracePeriodSeconds"}
        stored = self.store.put(key, marked).object
        self.resume(key)
        return stored

    def resume(self, key: Key) -> None:
        """Empty a namespace that is Terminating."""
        task = asyncio.create_task(self._empty(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _empty(self, key: Key) -> None:
        while remaining := list(self.store.keys_in(key.name)):
            for inner in remaining:
                stored = self.store.get(inner)
                if stored is not None and not stored.object["metadata"].get("deletionTimestamp"):
                    lifecycle = self._others.get(inner.resource) or Lifecycle(self.store)
                    lifecycle.delete(inner, stored.object, DeleteOptions())
            await asyncio.sleep(0.05)
        self.store.remove(key)
