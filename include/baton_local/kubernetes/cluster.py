"""All parts of one local cluster, as the routes see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from .lifecycle import Lifecycle
from .resources import Kind, Registry
from .runtime.node import Node
from .store import Store


@dataclass(frozen=True, slots=True)
class Cluster:
    """Objects, their kinds, what happens when they come and go, and the node that runs pods.

    :param lifecycles: by resource; a kind without one is stored and nothing more.
    """

    store: Store
    registry: Registry
    node: Node
    allow_host_path: bool = False
    lifecycles: Mapping[str, Lifecycle] = field(default_factory=dict)

    def lifecycle(self, kind: Kind) -> Lifecycle:
        """What happens when objects of a kind come and go."""
        return self.lifecycles.get(kind.resource) or Lifecycle(self.store)


CLUSTER: web.AppKey[Cluster] = web.AppKey("cluster", Cluster)
