"""Create, change and delete objects of any kind: what a client's request and a controller's decision have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import clock
from .access import rbac
from .deletion import DeleteOptions
from .errors import Cause, already_exists, bad_request, invalid, not_found, terminating, unknown_resource
from .events import Recorder
from .lifecycle import Lifecycle, Lifecycles
from .metadata_check import check_metadata
from .names import check_subdomain, generate, new_uid
from .resources import Kind, Registry
from .store import Key, Store, Stored

Object = dict[str, Any]
_SERVER_SET = ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")


class Operations:
    """The write side of the API, synchronous: when a method returns, the store has the new state.

    ``authority`` is the certificate that pods shall trust, once there is one.

    :param lifecycles: by resource; a kind without one is stored and nothing more.
    """

    def __init__(self, store: Store, registry: Registry, events: Recorder, lifecycles: Lifecycles) -> None:
        self.store = store
        self.registry = registry
        self.events = events
        self.authority = ""
        self._lifecycles = lifecycles

    def kind(self, resource: str) -> Kind:
        """The kind whose objects are stored under a name such as ``pods`` or ``jobs.batch``.

        :raises ApiError: 404, it is not served.
        """
        kind = self.registry.by_resource(resource)
        if kind is None:
            raise unknown_resource(f"this local server does not serve {resource}")
        return kind

    def lifecycle(self, kind: Kind) -> Lifecycle:
        """What happens when objects of a kind come and go."""
        return self._lifecycles.get(kind.resource) or Lifecycle(self.store)

    def find(self, resource: str, namespace: str, name: str) -> Object | None:
        """An object as it is now, or None."""
        stored = self.store.get(Key(resource, namespace, name))
        return stored.object if stored else None

    def create(self, resource: str, namespace: str | None, body: Object, *, dry_run: bool = False) -> Object:
        """A new object: named, completed, checked, stored, brought to life.

        :raises ApiError: 400, 403, 404 (no such namespace), 409 AlreadyExists, 422.
        """
        kind = self.kind(resource)
        self._check_namespace(kind, namespace, body)
        obj = new_object(kind, namespace, body)
        key = kind.key(namespace or "", obj["metadata"]["name"])
        if self.store.get(key) is not None:
            raise already_exists(kind.plural, key.name, kind.group)
        lifecycle = self.lifecycle(kind)
        obj = lifecycle.admit(obj)
        if dry_run:
            return obj
        stored = self.store.put(key, obj)
        lifecycle.created(key, stored.object)
        return stored.object

    def update(self, resource: str, obj: Object) -> Object:
        """Store a changed object, if nobody changed it since it was read.

        :raises ApiError: 409, it has changed or is gone.
        """
        kind, metadata = self.kind(resource), obj["metadata"]
        key = kind.key(metadata.get("namespace", ""), metadata["name"])
        return self.store_change(kind, key, obj, expected_version=metadata["resourceVersion"]).object

    def put_status(self, resource: str, obj: Object, status: Object) -> Object:
        """The newest state of an object with another status; the object's other changes are kept.

        :raises ApiError: 404, it is gone, or another one has its name now.
        """
        kind, metadata = self.kind(resource), obj["metadata"]
        key = kind.key(metadata.get("namespace", ""), metadata["name"])
        stored = self.store.get(key)
        if stored is None or stored.object["metadata"]["uid"] != metadata["uid"]:
            raise not_found(kind.plural, key.name, kind.group)
        if stored.object.get("status") == status:
            return stored.object
        return self.store.put(key, {**stored.object, "status": status}).object

    def store_change(self, kind: Kind, key: Key, changed: Object, *, expected_version: str | None = None) -> Stored:
        """Store a change that was checked before; an object that only its finalizers held goes with the last one."""
        result = self.store.put(key, changed, expected_version)
        metadata = changed["metadata"]
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self.lifecycle(kind).released(key, result.object)
        return result

    def delete(self, resource: str, namespace: str, name: str, options: DeleteOptions | None = None) -> Object:
        """Delete an object, or begin to; returns its last state.

        :raises ApiError: 404, 403.
        """
        kind = self.kind(resource)
        key = kind.key(namespace, name)
        stored = self.store.get(key)
        if stored is None:
            raise not_found(kind.plural, name, kind.group)
        return self.end(kind, key, stored.object, options or DeleteOptions())

    def end(self, kind: Kind, key: Key, obj: Object, options: DeleteOptions) -> Object:
        """Delete an object that was read just now; returns its last state."""
        if options.propagation is None:
            options = replace(options, propagation=kind.default_propagation)
        return self.lifecycle(kind).delete(key, obj, options)

    def delete_all(self, namespace: str) -> None:
        """Delete every object of a namespace that is not being deleted yet."""
        for key in list(self.store.keys_in(namespace)):
            stored = self.store.get(key)
            if stored is not None and not stored.object["metadata"].get("deletionTimestamp"):
                self.delete(key.resource, namespace, key.name)

    def _check_namespace(self, kind: Kind, namespace: str | None, body: Object) -> None:
        if not kind.namespaced:
            return
        if (body["metadata"].get("namespace") or namespace) != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        found = self.store.get(Key("namespaces", "", namespace or ""))
        if found is None:
            raise not_found("namespaces", namespace or "")
        if found.object["status"]["phase"] == "Terminating":
            raise terminating(kind.plural, body["metadata"].get("name") or "", namespace or "", kind.group)


def new_object(kind: Kind, namespace: str | None, body: Object) -> Object:
    """A body as it will be stored.

    :raises ApiError: 422, fields are wrong; each one is named.
    """
    metadata = {name: value for name, value in body["metadata"].items() if value is not None}
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = generate(metadata["generateName"])
    name = metadata.get("name") or ""
    if not name:
        cause = Cause("metadata.name", "FieldValueRequired", "Required value: name or generateName is required")
        raise invalid(kind.kind, "", [cause], kind.group)
    for field in _SERVER_SET:
        metadata.pop(field, None)
    metadata.update({"uid": new_uid(), "creationTimestamp": clock.now()})
    if kind.namespaced:
        metadata["namespace"] = namespace or ""
    if kind.counts_generations:
        metadata["generation"] = 1
    obj = kind.complete({**body, "metadata": metadata})
    own_check = kind.plural != "namespaces" and kind.group != rbac.GROUP  # whose names may be any part of a path
    causes = [
        *(check_subdomain(name, "metadata.name") if own_check else []),
        *check_metadata(metadata),
        *kind.check(obj),
    ]
    if causes:
        raise invalid(kind.kind, name, causes, kind.group)
    return obj
