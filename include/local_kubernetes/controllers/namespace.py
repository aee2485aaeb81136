"""Namespaces: the account and the server's certificate for the pods of a new one, the end of a deleted one."""

from __future__ import annotations

from typing import Any, ClassVar

from local_kubernetes.access.admission import ROOT_CA
from local_kubernetes.store import Key

from .controller import Controller

_AGAIN_SECONDS = 0.05


class NamespaceController(Controller):
    """Empties what is Terminating, and gives the others the account that pods run under and whom they trust."""

    resource: ClassVar[str] = "namespaces"

    def reconcile(self, key: Key) -> float | None:
        """Make what every namespace has, or delete what is left."""
        namespace = self.api.find("namespaces", "", key.name)
        if namespace is None:
            return None
        if namespace["status"]["phase"] != "Terminating":
            self._ensure("serviceaccounts", key.name, {"kind": "ServiceAccount", "metadata": {"name": "default"}})
            if self.api.authority:
                authority = {"kind": "ConfigMap", "metadata": {"name": ROOT_CA}, "data": {"ca.crt": self.api.authority}}
                self._ensure("configmaps", key.name, authority)
            return None
        if next(self.api.store.keys_in(key.name), None) is None:
            self.api.store.remove(key)
            return None
        self.api.delete_all(key.name)
        return _AGAIN_SECONDS

    def _ensure(self, resource: str, namespace: str, obj: dict[str, Any]) -> None:
        if self.api.find(resource, namespace, obj["metadata"]["name"]) is None:
            self.api.create(resource, namespace, {"apiVersion": "v1", **obj})
