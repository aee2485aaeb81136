"""Namespaces: the service account of a new one, the end of a deleted one."""

from __future__ import annotations

from typing import ClassVar

from local_kubernetes.store import Key

from .controller import Controller

_AGAIN_SECONDS = 0.05


class NamespaceController(Controller):
    """Empties what is Terminating, and gives the others the account that pods run under."""

    resource: ClassVar[str] = "namespaces"

    def reconcile(self, key: Key) -> float | None:
        """Make the account ``default``, or delete what is left."""
        namespace = self.api.find("namespaces", "", key.name)
        if namespace is None:
            return None
        if namespace["status"]["phase"] != "Terminating":
            if self.api.find("serviceaccounts", key.name, "default") is None:
                account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "default"}}
                self.api.create("serviceaccounts", key.name, account)
            return None
        if next(self.api.store.keys_in(key.name), None) is None:
            self.api.store.remove(key)
            return None
        self.api.delete_all(key.name)
        return _AGAIN_SECONDS
