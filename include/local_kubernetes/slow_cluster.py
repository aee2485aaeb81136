"""The slow-cluster mode: what a busy, real cluster does now and then, so that nobody relies on a calm one.

Pods stay Pending, Job pods are made late, watches are cut, requests are refused (409, 410, 429, 500), answers are lost
although the work was done (504), pods are evicted. Everything comes from one seed, which the server tells at its start.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .controllers.controller import Controller
from .errors import ApiError, conflict, expired
from .runtime.node import Node
from .security import PUBLIC
from .store import Change, Store, encode

Object = dict[str, Any]
_LOG = logging.getLogger(__name__)
_EVICTED = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 96Mi."
_SAFE = "cluster-autoscaler.kubernetes.io/safe-to-evict"  # "false" keeps a pod from being evicted


@dataclass(slots=True)
class SlowCluster:
    """How slow, and how often what goes wrong. Shares are of 1, ranges in seconds.

    :param seed: the same seed gives the same troubles to the same requests in the same order.
    """

    seed: int
    pending_seconds: tuple[float, float] = (1.0, 3.0)
    job_seconds: tuple[float, float] = (1.0, 3.0)
    watch_seconds: tuple[float, float] = (2.0, 10.0)
    eviction_seconds: tuple[float, float] = (0.2, 4.0)
    trouble_share: float = 0.04
    eviction_share: float = 0.05
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable on purpose, nothing secret

    def pending(self) -> float:
        """How long a pod waits for its node."""
        return self._random.uniform(*self.pending_seconds)

    def controller_delay(self, controller: Controller, change: Change) -> float:
        """How late a controller looks at a change: that of Jobs, as the first one that people wait for."""
        return self._random.uniform(*self.job_seconds) if controller.resource == "jobs.batch" else 0.0

    def watch(self) -> float:
        """How long a watch lives."""
        return self._random.uniform(*self.watch_seconds)

    def eviction(self) -> float | None:
        """When a pod that has started is evicted; None leaves it alone."""
        if self._random.random() >= self.eviction_share:
            return None
        return self._random.uniform(*self.eviction_seconds)

    def trouble(self, method: str, *, is_watch: bool) -> ApiError | None:
        """What a request gets instead of its answer, or None. A 504 is given after the work was done."""
        if self._random.random() >= self.trouble_share:
            return None
        choices = [_too_many(), _internal()]
        if method == "GET" and is_watch:
            choices = [expired("too old resource version: 1 (2)")]
        elif method in ("PUT", "PATCH"):
            choices += [conflict("objects", "requested"), _lost()]
        elif method != "GET":
            choices.append(_lost())
        return self._random.choice(choices)


def _too_many() -> ApiError:
    message = "the server has received too many requests and has asked us to try again later"
    return ApiError(429, "TooManyRequests", message, {"retryAfterSeconds": 1})


def _internal() -> ApiError:
    return ApiError(500, "InternalError", "Internal error occurred: etcdserver: request timed out")


def _lost() -> ApiError:
    message = "Timeout: request did not complete within the allotted timeout"
    return ApiError(504, "Timeout", message, {"retryAfterSeconds": 1})


def disturbed(slow: SlowCluster) -> Middleware:
    """The middleware that cuts watches and refuses requests; what clients ask to see whether it lives is spared."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in PUBLIC or not request.path.startswith(("/api/v1/", "/apis/")):
            return await handler(request)
        is_watch = request.query.get("watch", "").lower() in ("true", "1")
        trouble = slow.trouble(request.method, is_watch=is_watch)
        if trouble is not None and trouble.code == 504:
            await handler(request)
        if trouble is not None and is_watch:
            return web.Response(body=encode({"type": "ERROR", "object": trouble.status()}) + b"\n")
        if trouble is not None:
            _LOG.info("%s %s: %d on purpose", request.method, request.path, trouble.code)
            headers = {"Retry-After": "1"} if trouble.code == 429 else None
            return web.json_response(trouble.status(), status=trouble.code, headers=headers)
        if is_watch and request.transport is not None:
            asyncio.get_running_loop().call_later(slow.watch(), request.transport.close)
        return await handler(request)

    return middleware


class Evictions:
    """Evicts pods that run, now and then."""

    def __init__(self, store: Store, node: Node, slow: SlowCluster) -> None:
        self._node = node
        self._slow = slow
        store.listen(self._changed)

    def _changed(self, change: Change) -> None:
        if change.key.resource != "pods" or change.type != "MODIFIED" or change.before is None:
            return
        was, now = ((pod.get("status") or {}).get("phase") for pod in (change.before, change.object))
        spared = (change.object["metadata"].get("annotations") or {}).get(_SAFE) == "false"
        if (was, now) != ("Pending", "Running") or spared:
            return
        seconds = self._slow.eviction()
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, self._node.evict, change.object, _EVICTED)
