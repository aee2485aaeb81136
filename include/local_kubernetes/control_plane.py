"""All parts of one local cluster, as the routes see them."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from .access.rbac import Rbac
from .access.tokens import Tokens
from .access.use import FILE, Access, Uses
from .controllers.controller import Controller
from .controllers.cronjob import CronJobController
from .controllers.custom import CustomDefinitions
from .controllers.deployment import DeploymentController
from .controllers.garbage import GarbageCollector
from .controllers.job import JobController
from .controllers.manager import Manager
from .controllers.namespace import NamespaceController
from .controllers.replica_set import ReplicaSetController
from .controllers.volume_claim import ClaimController
from .events import Recorder
from .images import Images
from .kinds import registry
from .kinds.custom import CustomKinds
from .lifecycle import ControlledLifecycle, Lifecycle, NamespaceLifecycle, PodLifecycle
from .node_capacity import NodeCapacity
from .operations import Operations
from .resources import Registry
from .runtime.isolation import Isolation
from .runtime.node import Node
from .scheduler import Scheduler
from .settings import Settings
from .slow_cluster import Evictions, SlowCluster
from .store import Store
from .volume_claim_directories import ClaimLifecycle

_CONTROLLERS: tuple[type[Controller], ...] = (
    NamespaceController,
    GarbageCollector,
    JobController,
    CronJobController,
    DeploymentController,
    ReplicaSetController,
    ClaimController,
    CustomDefinitions,
)


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """Objects, their kinds, who acts on them, and the node that runs pods."""

    store: Store
    registry: Registry
    operations: Operations
    node: Node
    scheduler: Scheduler
    manager: Manager
    slow: SlowCluster | None
    access: Access


CONTROL_PLANE: web.AppKey[ControlPlane] = web.AppKey("cluster", ControlPlane)


def build(store: Store, settings: Settings, isolation: Isolation) -> ControlPlane:
    """The parts of a cluster around a store."""
    events = Recorder(store)
    tokens = Tokens(store, settings.state / "tokens.key")
    images = Images(settings.images, settings.image_variables)
    node = Node(
        store,
        images,
        settings.state / "pods",
        events,
        claims=settings.state / "claims",
        isolation=isolation,
        tokens=tokens,
        log_limit_bytes=settings.log_limit_bytes,
    )
    slow = None if settings.slow_seed is None else SlowCluster(settings.slow_seed)
    room = NodeCapacity(store, settings.allocatable)
    scheduler = Scheduler(store, node, events, delay=slow.pending if slow else lambda: 0.0, room=room)
    lifecycles: dict[str, Lifecycle] = {
        "pods": PodLifecycle(store, node, scheduler, allow_host_path=settings.allow_host_path),
        "namespaces": NamespaceLifecycle(store),
        "persistentvolumeclaims": ClaimLifecycle(store, settings.state / "claims"),
        "jobs.batch": ControlledLifecycle(store),
    }
    kinds = registry()
    CustomKinds(store, kinds)
    operations = Operations(store, kinds, events, lifecycles)
    controllers = [controller(operations) for controller in _CONTROLLERS]
    manager = Manager(store, controllers, slow.controller_delay if slow else lambda *_: 0.0)
    if slow is not None:
        Evictions(store, node, slow)
    access = Access(tokens, Rbac(store), Uses(settings.state / FILE))
    return ControlPlane(store, kinds, operations, node, scheduler, manager, slow, access)
