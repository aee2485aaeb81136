"""PersistentVolumeClaims: a deleted one goes when the last pod that mounts it has gone.

Source: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from local_kubernetes.kinds.volume_claim import PROTECTION
from local_kubernetes.store import Change, Key

from .controller import Controller

Object = dict[str, Any]


class ClaimController(Controller):
    """Takes the protection off claims that nobody mounts any more."""

    resource: ClassVar[str] = "persistentvolumeclaims"

    def keys_for(self, change: Change) -> Iterator[Key]:
        """A changed claim, and the claims of a pod that is gone."""
        yield from super().keys_for(change)
        if change.key.resource == "pods" and change.type == "DELETED":
            yield from (Key(self.resource, change.key.namespace, name) for name in _claims(change.object))

    def reconcile(self, key: Key) -> float | None:
        """Release a deleted claim that no pod refers to."""
        claim = self.api.find(self.resource, key.namespace, key.name)
        if claim is None or not claim["metadata"].get("deletionTimestamp"):
            return None
        finalizers = claim["metadata"].get("finalizers") or []
        used = any(key.name in _claims(pod) for pod in self.api.store.objects("pods", key.namespace))
        if PROTECTION in finalizers and not used:
            metadata = {**claim["metadata"], "finalizers": [name for name in finalizers if name != PROTECTION]}
            self.api.update(self.resource, {**claim, "metadata": metadata})
        return None


def _claims(pod: Object) -> Iterator[str]:
    for volume in pod["spec"].get("volumes") or []:
        if volume.get("persistentVolumeClaim"):
            yield volume["persistentVolumeClaim"]["claimName"]
