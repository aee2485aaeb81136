"""Pods of the local Kubernetes that do not get on by themselves, such as one whose image stands for nothing here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from baton_local.errors import StackError
from baton_local.local_cluster import LocalCluster

WAITING = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "CrashLoopBackOff",
}
"""Reasons for which a container waits until somebody changes something."""

PATIENT_SECONDS = 15.0
"""How long a pod may find no room before that is said: a busy cluster is no trouble."""

Pod = dict[str, Any]


def pod_troubles(cluster: LocalCluster) -> Callable[[], list[str]]:
    """Return a question for what keeps pods from running; it gives each answer once.

    What troubled a pod before the first question is not given: it is not of this run.
    """
    reported = {pod["metadata"]["uid"] for pod in _pods(cluster)}
    unscheduled: dict[str, float] = {}

    def ask() -> list[str]:
        news = []
        for pod in _pods(cluster):
            uid, now = pod["metadata"]["uid"], time.monotonic()
            text = waiting_for(pod)
            if not text and (text := unscheduled_for(pod)) and now - unscheduled.setdefault(uid, now) < PATIENT_SECONDS:
                continue
            if text and uid not in reported:
                reported.add(uid)
                news.append(text)
        return news

    return ask


def waiting_for(pod: Pod) -> str:
    """Say what a container waits for that somebody has to change; empty where there is none."""
    for container in _containers(pod):
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting.get("reason") in WAITING:
            return _said(pod, waiting)
    return ""


def unscheduled_for(pod: Pod) -> str:
    """Say why no node takes a pod; empty where one does."""
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return _said(pod, condition)
    return ""


def _said(pod: Pod, why: dict[str, Any]) -> str:
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    return f"pod {name} waits: {why.get('reason')}: {why.get('message', '')}".rstrip(": ")


def _containers(pod: Pod) -> Iterable[dict[str, Any]]:
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _pods(cluster: LocalCluster) -> list[Pod]:
    """All pods; none where the server does not answer just now, which is asked again."""
    try:
        with cluster.client() as client:
            response = client.get("/api/v1/pods")
    except (OSError, StackError, httpx.HTTPError):
        return []
    return list(response.json()["items"]) if response.is_success else []
