"""Events about pods, as the kubelet and the scheduler record them."""

from __future__ import annotations

import logging
import time
from typing import Any

from . import clock
from .errors import ApiError
from .names import new_uid
from .store import Key, Store

Object = dict[str, Any]
NODE = "local"
_LOG = logging.getLogger(__name__)
_KEEP_SECONDS = 3600


class Recorder:
    """Writes events into the store and forgets those older than an hour, as a cluster does."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, pod: Object, reason: str, message: str, container: str = "", *, warning: bool = False) -> None:
        """Record what happened to a pod, or to one of its containers; a repetition raises the count."""
        involved = _reference(pod, container)
        event = self._same(pod, reason, message, involved)
        if event is not None:
            event = {**event, "count": event["count"] + 1, "lastTimestamp": clock.now()}
        else:
            event = _new(pod, involved, reason, message, "Warning" if warning else "Normal")
        metadata = event["metadata"]
        try:
            self._store.put(Key("events", metadata["namespace"], metadata["name"]), event)
        except ApiError as err:  # a full disk: the pod matters more than the tale about it
            _LOG.error("event not stored: %s", err)

    def forget_old(self) -> None:
        """Remove what is older than an hour."""
        limit = clock.seconds(time.time() - _KEEP_SECONDS)
        for event in self._store.objects("events"):
            if (event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]) < limit:
                self._store.remove(Key("events", event["metadata"]["namespace"], event["metadata"]["name"]))

    def _same(self, pod: Object, reason: str, message: str, involved: Object) -> Object | None:
        if reason not in ("BackOff", "Failed"):
            return None
        for event in self._store.objects("events", pod["metadata"]["namespace"]):
            same = (event.get("reason"), event.get("message")) == (reason, message)
            if same and (event.get("involvedObject") or {}).get("uid") == involved["uid"]:
                return event
        return None


def _reference(pod: Object, container: str) -> Object:
    metadata = pod["metadata"]
    reference = {
        "kind": "Pod",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": "v1",
        "resourceVersion": metadata["resourceVersion"],
    }
    if container:
        inits = [c["name"] for c in pod["spec"].get("initContainers") or []]
        part = "initContainers" if container in inits else "containers"
        reference["fieldPath"] = f"spec.{part}{{{container}}}"
    return reference


def _new(pod: Object, involved: Object, reason: str, message: str, kind: str) -> Object:
    component = "default-scheduler" if reason == "Scheduled" else "kubelet"
    metadata = {
        "name": f"{pod['metadata']['name'][:230]}.{time.time_ns():x}",
        "namespace": pod["metadata"]["namespace"],
        "uid": new_uid(),
        "creationTimestamp": clock.now(),
    }
    return {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": metadata,
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "source": {"component": component, "host": NODE},
        "firstTimestamp": clock.now(),
        "lastTimestamp": clock.now(),
        "count": 1,
        "type": kind,
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": NODE,
    }
