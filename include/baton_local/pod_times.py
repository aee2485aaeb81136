"""When the pods of a run started and ended, seen from the Kubernetes API while it happens.

Why not from the pods' status: its times are whole seconds, and a succeeded pod is deleted with its status.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx

from baton_local.local_cluster import NAMESPACE, LocalCluster

BASE = "base"


@dataclass
class PodTimes:
    """Unix times of one task's container; None while it has not happened."""

    task_id: str
    started: float | None = None
    finished: float | None = None


class PodWatch:
    """Watch the pods that the namespace gets, in a thread until closed; those of earlier runs are left out."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._cluster = cluster
        self._seen: dict[str, PodTimes] = {}
        self._earlier: frozenset[str] = frozenset()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> PodWatch:
        self._earlier = frozenset(pod["metadata"]["uid"] for pod in self._cluster.pods())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()

    def times(self) -> list[PodTimes]:
        """What was seen so far, in the order of the starts."""
        return sorted((pod for pod in self._seen.values() if pod.started), key=lambda pod: pod.started or 0)

    def _follow(self) -> None:
        while not self._closed.is_set():
            try:
                self._stream()
            except (OSError, httpx.HTTPError):
                time.sleep(0.2)

    def _stream(self) -> None:
        with (
            self._cluster.client() as client,
            client.stream(
                "GET", f"/api/v1/namespaces/{NAMESPACE}/pods", params={"watch": "true"}, timeout=None
            ) as lines,
        ):
            lines.raise_for_status()
            for line in lines.iter_lines():
                if self._closed.is_set():
                    return
                self._note(json.loads(line)["object"], time.time())

    def _note(self, pod: dict[str, Any], now: float) -> None:
        task_id = pod["metadata"].get("labels", {}).get("task_id")
        containers = pod.get("status", {}).get("containerStatuses", [])
        state: dict[str, Any] = next((item.get("state", {}) for item in containers if item["name"] == BASE), {})
        if not task_id or not state or pod["metadata"]["uid"] in self._earlier:
            return
        times = self._seen.setdefault(pod["metadata"]["uid"], PodTimes(task_id))
        if "waiting" not in state and times.started is None:
            times.started = now
        if "terminated" in state and times.finished is None:
            times.finished = now


def handover_gaps(pods: list[PodTimes], edges: list[tuple[str, str]]) -> list[float]:
    """Seconds from a pod's end to the start of the pod that waited for it.

    A task that waits for several counts from the last of them.

    :param edges: (upstream task id, downstream task id).
    """
    by_task = {pod.task_id: pod for pod in pods}
    gaps = []
    for downstream in {after for _, after in edges}:
        upstream = [by_task[before].finished for before, after in edges if after == downstream and before in by_task]
        ends = [end for end in upstream if end is not None]
        started = by_task[downstream].started if downstream in by_task else None
        if ends and started is not None and len(ends) == len(upstream):
            gaps.append(started - max(ends))
    return gaps
