"""The controllers on a clock of their own: no node, no sleeping, pods that end as their annotations say."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from local_kubernetes import clock
from local_kubernetes.controllers.controller import Controller
from local_kubernetes.controllers.manager import Manager
from local_kubernetes.errors import ApiError
from local_kubernetes.events import Recorder
from local_kubernetes.kinds import registry
from local_kubernetes.operations import Operations
from local_kubernetes.store import Change, Store

Object = dict[str, Any]
NAMESPACE = "test"
START = 1_800_000_000.0  # Unix seconds; any whole minute
_MANY = 100_000


class VirtualCluster:
    """A store, controllers, and a stand-in that runs pods, for ``run-seconds`` if they say so, to end
    with ``exit-code``.

    :param monkeypatch: puts the cluster's clock in place of the real one.
    :param pods_start_after: seconds from a pod's creation to Running, by how many pods there were before.
    """

    def __init__(
        self,
        directory: Path,
        controllers: Iterable[type[Controller]],
        monkeypatch: Any,
        *,
        start: float = START,
        pods_start_after: Callable[[int], float] = lambda _: 1.0,
    ) -> None:
        self.now = start
        monkeypatch.setattr(clock, "unix", lambda: self.now)
        self.store = Store(directory / "objects.sqlite")
        self.controllers = list(controllers)
        self.start_controllers()
        self.api.create("namespaces", None, {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": NAMESPACE}})
        self._pods_start_after = pods_start_after
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._pods = itertools.count()
        self.store.listen(self._changed)

    def close(self) -> None:
        """Close the store's file."""
        self.store.close()

    def start_controllers(self) -> None:
        """Start them, or start them anew: they know nothing but the store."""
        self.api = Operations(self.store, registry(), Recorder(self.store), {})
        self.manager = Manager(self.store, [each(self.api) for each in self.controllers], delay=_collecting)
        self.manager.look_at_everything()

    def stop_controllers(self) -> None:
        """Nobody looks at anything until they are started again; pods go on."""
        self.manager = Manager(self.store, [])

    def at(self, time: float, action: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (max(time, self.now), next(self._count), action))

    def run_until(self, end: float, after_each: Callable[[], None] = lambda: None) -> None:
        """Let time pass, from one thing that happens to the next."""
        for _ in range(_MANY):
            due = min(
                (t for t in (self.manager.next_due(), self._events[0][0] if self._events else None) if t is not None),
                default=None,
            )
            if due is None or due > end:
                self.now = end
                return
            self.now = max(self.now, due)
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
            while self.manager.run_due():
                pass
            after_each()
        raise RuntimeError("the controllers do not come to rest")

    def run(self, seconds: float) -> None:
        """Let that much time pass."""
        self.run_until(self.now + seconds)

    def create(self, resource: str, body: Object) -> Object:
        """A new object in the test's namespace; ``kind`` and ``apiVersion`` may be left out."""
        kind = self.api.kind(resource)
        return self.api.create(resource, NAMESPACE, {"apiVersion": kind.api_version, "kind": kind.kind, **body})

    def get(self, resource: str, name: str) -> Object:
        """An object that exists."""
        found = self.api.find(resource, NAMESPACE, name)
        if found is None:
            raise LookupError(f"{resource} {name}")
        return found

    def patch_spec(self, resource: str, name: str, **changes: Any) -> Object:
        """Change an object's spec, as a client would."""
        obj = self.get(resource, name)
        spec = {**obj["spec"], **changes}
        generation = obj["metadata"].get("generation", 1) + (spec != obj["spec"])
        metadata = {**obj["metadata"], "generation": generation}
        return self.api.update(resource, {**obj, "spec": spec, "metadata": metadata})

    def events(self, name: str) -> list[Object]:
        """The events about objects of that name, oldest first."""
        found = [e for e in self.store.objects("events", NAMESPACE) if e["involvedObject"]["name"] == name]
        return sorted(found, key=lambda event: int(event["metadata"]["resourceVersion"]))

    def _changed(self, change: Change) -> None:
        if change.key.resource == "pods" and change.type == "ADDED":
            name, uid = change.key.name, change.object["metadata"]["uid"]
            self.at(self.now + self._pods_start_after(next(self._pods)), lambda: self._start_pod(name, uid))

    def _start_pod(self, name: str, uid: str) -> None:
        pod = self.api.find("pods", NAMESPACE, name)
        if pod is None or pod["metadata"]["uid"] != uid:
            return
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": clock.now()}
        self.api.put_status("pods", pod, {"phase": "Running", "startTime": clock.now(), "conditions": [ready]})
        notes = pod["metadata"].get("annotations") or {}
        if "run-seconds" in notes:
            self.at(self.now + float(notes["run-seconds"]), lambda: self._end_pod(pod, int(notes["exit-code"])))

    def _end_pod(self, pod: Object, code: int) -> None:
        ended = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": clock.now()}
        status = {
            "phase": "Failed" if code else "Succeeded",
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": clock.now()}],
            "containerStatuses": [{"name": "c", "state": {"terminated": ended}, "restartCount": 0}],
        }
        try:
            self.api.put_status("pods", pod, status)
        except ApiError:
            return  # it was deleted meanwhile


def _collecting(controller: Controller, change: Change) -> float:
    """As the real controllers: changes of pods are collected for a second."""
    return 1.0 if change.key.resource == "pods" and controller.resource == "jobs.batch" else 0.0
