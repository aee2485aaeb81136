"""What happens when a PersistentVolumeClaim comes and goes: its directory does so with it."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from .lifecycle import Lifecycle
from .runtime import volumes
from .store import Key, Store

Object = dict[str, Any]
_LOG = logging.getLogger(__name__)


class ClaimLifecycle(Lifecycle):
    """A claim's directory outlives the pods that mount it; its finalizer keeps the claim as long as one is there.

    :param directory: one directory a claim, named by its uid.
    """

    def __init__(self, store: Store, directory: Path) -> None:
        super().__init__(store)
        self._directory = directory
        self._remove_litter()

    def released(self, key: Key, obj: Object) -> Object:
        """Remove the claim and what is in it."""
        place = self._directory / str(obj["metadata"]["uid"])
        volumes.remove(place, lambda message: _LOG.warning("claim %s/%s: %s", key.namespace, key.name, message))
        return super().released(key, obj)

    def _remove_litter(self) -> None:
        known = {claim["metadata"]["uid"] for claim in self.store.objects("persistentvolumeclaims")}
        for place in self._directory.glob("*"):
            if place.name not in known:
                shutil.rmtree(place, ignore_errors=True)
