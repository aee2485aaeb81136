"""What every controller is: told which object to look at, it does the next thing that is due."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from local_kubernetes.operations import Operations
from local_kubernetes.store import Change, Key

Object = dict[str, Any]


class Controller(ABC):
    """Reconciles the objects of one resource.

    ``watches`` names other resources: a change of one of their objects that an ``owner_kind`` controls is a reason to
    look at the owner.
    """

    resource: ClassVar[str]
    owner_kind: ClassVar[str] = ""
    watches: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, api: Operations) -> None:
        self.api = api

    def keys_for(self, change: Change) -> Iterator[Key]:
        """The objects that a change is a reason to look at."""
        if change.key.resource == self.resource:
            yield change.key
        elif change.key.resource in self.watches:
            for obj in filter(None, (change.before, change.object)):
                owner = controller_of(obj)
                if owner is not None and owner.get("kind") == self.owner_kind:
                    yield Key(self.resource, change.key.namespace, owner["name"])

    @abstractmethod
    def reconcile(self, key: Key) -> float | None:
        """Do what is due for an object; synchronous, quick, harmless when run twice.

        :returns: seconds until it has to be looked at again without a change, or None.
        :raises ApiError: it could not be done now; it is tried again, later and later.
        """


def controller_of(obj: Object) -> Object | None:
    """The owner reference of the controller of an object, or None."""
    references = obj["metadata"].get("ownerReferences") or []
    return next((reference for reference in references if reference.get("controller")), None)


def owned(api: Operations, resource: str, owner: Object) -> list[Object]:
    """The objects of the owner's namespace that it controls, by name."""
    uid = owner["metadata"]["uid"]
    found = api.store.objects(resource, owner["metadata"]["namespace"])
    return [obj for obj in found if (controller_of(obj) or {}).get("uid") == uid]


def owner_reference(owner: Object) -> Object:
    """The reference by which an object names its controller."""
    metadata = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
