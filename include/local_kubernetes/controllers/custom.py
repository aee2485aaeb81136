"""CustomResourceDefinitions: established once they are stored; their objects go with them."""

from __future__ import annotations

from typing import Any, ClassVar

from local_kubernetes import clock
from local_kubernetes.kinds.custom_definition import DEFINITION
from local_kubernetes.store import Key

from .controller import Controller
from .garbage import without_finalizer

Object = dict[str, Any]
_CLEAN_UP = "customresourcecleanup.apiextensions.k8s.io"
_AGAIN_SECONDS = 0.05


class CustomDefinitions(Controller):
    """Sets the conditions that clients wait for, and empties what is deleted."""

    resource: ClassVar[str] = DEFINITION.resource

    def reconcile(self, key: Key) -> float | None:
        """Establish a definition, or delete what is left of one that goes."""
        definition = self.api.find(self.resource, "", key.name)
        if definition is None:
            return None
        metadata = definition["metadata"]
        finalizers = metadata.get("finalizers") or []
        if metadata.get("deletionTimestamp"):
            return self._empty(definition) if _CLEAN_UP in finalizers else None
        if _CLEAN_UP not in finalizers:
            held = {**metadata, "finalizers": [*finalizers, _CLEAN_UP]}
            definition = self.api.update(self.resource, {**definition, "metadata": held})
        self.api.put_status(self.resource, definition, _established(definition))
        return None

    def _empty(self, definition: Object) -> float | None:
        resource = definition["metadata"]["name"]
        for obj in self.api.store.objects(resource):
            if not obj["metadata"].get("deletionTimestamp"):
                self.api.delete(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        if self.api.store.objects(resource):
            return _AGAIN_SECONDS
        self.api.update(self.resource, without_finalizer(definition, _CLEAN_UP))
        return None


def _established(definition: Object) -> Object:
    status = definition.get("status") or {}
    names = definition["spec"]["names"]
    storage = [version["name"] for version in definition["spec"]["versions"] if version.get("storage")]
    stored = [*(status.get("storedVersions") or [])]
    conditions = status.get("conditions") or [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        _condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]
    stored += [name for name in storage if name not in stored]
    return {"conditions": conditions, "acceptedNames": names, "storedVersions": stored}


def _condition(kind: str, reason: str, message: str) -> Object:
    return {
        "type": kind,
        "status": "True",
        "lastTransitionTime": clock.now(),
        "reason": reason,
        "message": message,
    }
