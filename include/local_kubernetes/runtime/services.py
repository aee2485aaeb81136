"""What a container runner asks of its pod, and both of their node.

Why protocols: node, pod and container runner are each made by the one before and call it back. Stated here, what is
called back, the three import in one direction only.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Protocol

from local_kubernetes.events import Recorder
from local_kubernetes.images import Images

from .environment import Find
from .isolation import Isolation
from .launcher import Launcher
from .volumes import Places

Object = dict[str, Any]


class NodeServices(Protocol):
    """What pods and their containers ask of the node that they run on."""

    images: Images
    isolation: Isolation
    launcher: Launcher
    events: Recorder
    log_limit_bytes: int
    service_variables: dict[str, str]

    def directory_of(self, pod: Object) -> Path:
        """Where a pod's files are."""

    def volume_places(self, pod: Object) -> Places:
        """Where a pod's volumes are."""

    def finder(self, pod: Object) -> Find:
        """How a pod finds Secrets and ConfigMaps: in its own namespace only."""

    def store_status(self, pod: Object, status: Object) -> Object:
        """Store a pod's new status. Returns the pod as it is now."""


class PodServices(Protocol):
    """What a container runner asks of the pod that it belongs to; ``PodRunner`` says what each is."""

    pod: Object
    node: NodeServices
    stopping: asyncio.Event
    settled: asyncio.Event
    killed: bool
    failure: tuple[str, str] | None
    directory: Path

    def publish(self) -> None:
        """Store what there is to tell now."""

    def fail(self, reason: str, message: str, grace_seconds: float) -> None:
        """End the pod as Failed, whatever its containers would say."""
