"""Events, as the kubelet, the scheduler and the controllers record them."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from typing import Any

from . import clock
from .errors import ApiError
from .names import new_uid
from .store import Key, Store

Object = dict[str, Any]
NODE = "local"
_LOG = logging.getLogger(__name__)
_KEEP_SECONDS = 3600
_REMEMBERED = 4096  # repetitions are counted for the newest, as client-go does


class Recorder:
    """Writes events into the store and forgets those older than an hour, as a cluster does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[tuple[str, ...], Key] = OrderedDict()

    def record(
        self,
        obj: Object,
        reason: str,
        message: str,
        container: str = "",
        *,
        warning: bool = False,
        component: str = "kubelet",
    ) -> None:
        """Record what happened to an object, or to one of a pod's containers; a repetition raises the count.

        :param component: who tells it: ``kubelet``, ``default-scheduler``, ``job-controller``, …
        """
        involved = _reference(obj, container)
        same = (involved["uid"], involved.get("fieldPath", ""), reason, message)
        stored = self._store.get(self._known[same]) if same in self._known else None
        if stored is not None:
            event = {**stored.object, "count": stored.object["count"] + 1, "lastTimestamp": clock.now()}
        else:
            event = _new(involved, reason, message, "Warning" if warning else "Normal", component)
        key = self._known[same] = Key("events", event["metadata"]["namespace"], event["metadata"]["name"])
        self._known.move_to_end(same)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        try:
            self._store.put(key, event)
        except ApiError as err:  # a full disk: the object matters more than the tale about it
            _LOG.error("event not stored: %s", err)

    def forget_old(self) -> None:
        """Remove what is older than an hour."""
        limit = clock.seconds(clock.unix() - _KEEP_SECONDS)
        for event in self._store.objects("events"):
            if (event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]) < limit:
                self._store.remove(Key("events", event["metadata"]["namespace"], event["metadata"]["name"]))


def _reference(obj: Object, container: str) -> Object:
    metadata = obj["metadata"]
    reference = {
        "kind": obj["kind"],
        "namespace": metadata.get("namespace") or "default",  # as for nodes: an event needs a namespace
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": obj["apiVersion"],
        "resourceVersion": metadata["resourceVersion"],
    }
    if container:
        inits = [c["name"] for c in obj["spec"].get("initContainers") or []]
        part = "initContainers" if container in inits else "containers"
        reference["fieldPath"] = f"spec.{part}{{{container}}}"
    return reference


def _new(involved: Object, reason: str, message: str, kind: str, component: str) -> Object:
    metadata = {
        "name": f"{involved['name'][:230]}.{time.time_ns():x}",
        "namespace": involved["namespace"],
        "uid": new_uid(),
        "creationTimestamp": clock.now(),
    }
    source = {"component": component, "host": NODE} if component == "kubelet" else {"component": component}
    return {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": metadata,
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "source": source,
        "firstTimestamp": clock.now(),
        "lastTimestamp": clock.now(),
        "count": 1,
        "type": kind,
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": NODE if component == "kubelet" else "",
    }
