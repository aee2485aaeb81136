"""Garbage collection: what follows its owner's end, as ``ownerReferences`` say.

Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from local_kubernetes.deletion import FOREGROUND, ORPHAN, DeleteOptions
from local_kubernetes.operations import Operations
from local_kubernetes.store import Change, Key

from .controller import Controller

Object = dict[str, Any]


class GarbageCollector(Controller):
    """Looks at objects that have an owner, and at owners that are being deleted, of every kind."""

    resource: ClassVar[str] = ""  # any

    def __init__(self, api: Operations) -> None:
        super().__init__(api)
        self._keys: dict[str, Key] = {}  # of every object, by uid
        self._dependents: dict[str, set[Key]] = {}  # by their owner's uid
        for resource in api.store.resources():
            for obj in api.store.objects(resource):
                self._learn(Key(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]), obj)

    def keys_for(self, change: Change) -> Iterator[Key]:
        """The object itself if it has an owner or is one that goes; its owners and dependents when it is gone."""
        metadata = change.object["metadata"]
        if change.type == "DELETED":
            self._forget(change.key, change.object)
            yield from self._dependents.get(metadata["uid"], ())
            yield from (self._keys[uid] for uid in _owners(change.object) if uid in self._keys)
            return
        if change.before is not None:
            self._forget(change.key, change.before)
        self._learn(change.key, change.object)
        if metadata.get("ownerReferences") or metadata.get("finalizers"):
            yield change.key

    def reconcile(self, key: Key) -> float | None:
        """Let dependents go before, with, or without their owner; remove what has no owner left."""
        obj = self.api.find(*_parts(key))
        if obj is None:
            return None
        finalizers = obj["metadata"].get("finalizers") or []
        if obj["metadata"].get("deletionTimestamp"):
            if ORPHAN in finalizers:
                self._orphan(obj)
                self._release(obj, ORPHAN)
            elif FOREGROUND in finalizers and self._end_dependents(obj):
                self._release(obj, FOREGROUND)
            return None
        self._check_owners(key, obj)
        return None

    def _orphan(self, owner: Object) -> None:
        uid = owner["metadata"]["uid"]
        for key in list(self._dependents.get(uid, ())):
            dependent = self.api.find(*_parts(key))
            if dependent is not None:
                self._drop_owners(dependent, {uid})

    def _end_dependents(self, owner: Object) -> bool:
        """Delete what the owner waits for; True when nothing is left."""
        uid = owner["metadata"]["uid"]
        blocking = False
        for key in list(self._dependents.get(uid, ())):
            dependent = self.api.find(*_parts(key))
            if dependent is None:
                continue
            references = dependent["metadata"].get("ownerReferences") or []
            blocking = blocking or any(r["uid"] == uid and r.get("blockOwnerDeletion") for r in references)
            if not dependent["metadata"].get("deletionTimestamp"):
                has_own = self._dependents.get(dependent["metadata"]["uid"])
                self.api.delete(*_parts(key), DeleteOptions(propagation="Foreground" if has_own else "Background"))
                blocking = blocking and self.api.find(*_parts(key)) is not None
        return not blocking

    def _check_owners(self, key: Key, obj: Object) -> None:
        owners = set(_owners(obj))
        gone = {uid for uid in owners if uid not in self._keys}
        if not gone:
            return
        if gone == owners:
            self.api.delete(*_parts(key), DeleteOptions(propagation="Background"))
        else:
            self._drop_owners(obj, gone)

    def _drop_owners(self, obj: Object, uids: set[str]) -> None:
        references = [r for r in obj["metadata"].get("ownerReferences") or [] if r["uid"] not in uids]
        metadata = {name: value for name, value in obj["metadata"].items() if name != "ownerReferences"}
        if references:
            metadata["ownerReferences"] = references
        self.api.update(self._resource(obj), {**obj, "metadata": metadata})

    def _release(self, obj: Object, finalizer: str) -> None:
        self.api.update(self._resource(obj), without_finalizer(obj, finalizer))

    def _resource(self, obj: Object) -> str:
        return self._keys[obj["metadata"]["uid"]].resource

    def _learn(self, key: Key, obj: Object) -> None:
        self._keys[obj["metadata"]["uid"]] = key
        for uid in _owners(obj):
            self._dependents.setdefault(uid, set()).add(key)

    def _forget(self, key: Key, obj: Object) -> None:
        self._keys.pop(obj["metadata"]["uid"], None)
        for uid in _owners(obj):
            others = self._dependents.get(uid, set())
            others.discard(key)
            if not others:
                self._dependents.pop(uid, None)


def without_finalizer(obj: Object, finalizer: str) -> Object:
    """The object without one of its finalizers."""
    left = [name for name in obj["metadata"].get("finalizers") or [] if name != finalizer]
    metadata = {name: value for name, value in obj["metadata"].items() if name != "finalizers"}
    return {**obj, "metadata": {**metadata, **({"finalizers": left} if left else {})}}


def _owners(obj: Object) -> list[str]:
    return [reference["uid"] for reference in obj["metadata"].get("ownerReferences") or []]


def _parts(key: Key) -> tuple[str, str, str]:
    return key.resource, key.namespace, key.name
