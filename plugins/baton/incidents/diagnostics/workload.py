"""From the object that an alert names to everything that belongs to it: owners above, pods below."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from baton.exceptions import PermanentError
from baton.incidents.diagnostics.cluster_connection import ClusterConnection, Object
from baton.incidents.diagnostics.target import KIND_NAMES, KINDS, Target
from baton.kubernetes.job_api import NotThereError

MAX_PODS = 20
"""Pods that are looked at, those in trouble first."""
MAX_JOBS = 3
"""Jobs of a CronJob that are looked at, the latest first."""
_MAX_OWNERS = 4


class TargetGoneError(PermanentError):
    """Nothing of what the alert names exists."""


@dataclass(slots=True)
class Workload:
    """What is looked at.

    :param objects: the target, what owns it and, for a CronJob, its Jobs; `kind` is set in each.
    :param pods: the target's pods, those in trouble first, at most `MAX_PODS`.
    :param left_out: pods beyond that.
    :param notes: what a reader has to know, such as "pod x does not exist any more".
    """

    target: Target
    objects: list[Object] = field(default_factory=list)
    pods: list[Object] = field(default_factory=list)
    left_out: int = 0
    notes: list[str] = field(default_factory=list)

    def first(self, kind: str) -> Object | None:
        """The object of a kind, if there is one."""
        return next((found for found in self.objects if found["kind"] == kind), None)

    def names(self) -> list[str]:
        """The names of all objects and pods."""
        return sorted({found["metadata"]["name"] for found in [*self.objects, *self.pods]})


async def find_workload(cluster: ClusterConnection, target: Target) -> Workload:
    """Find the objects and pods of a target.

    :raises TargetGoneError: none of what it names exists.
    """
    found = Workload(target)
    for kind, name in target.candidates:
        try:
            document = await cluster.read(KINDS[kind], name)
        except NotThereError:
            found.notes.append(f"{kind} {name} does not exist (any more)")
            continue
        await _fill(cluster, found, kind, document)
        return found
    raise TargetGoneError(f"nothing to look at in namespace {target.namespace}: {'; '.join(found.notes)}")


async def _fill(cluster: ClusterConnection, found: Workload, kind: str, document: Object) -> None:
    document.setdefault("kind", KIND_NAMES[kind])
    if kind == "pod":
        pods = [document]
    else:
        found.objects.append(document)
        pods = await _pods(cluster, found, kind, document)
    # A Service is owned by nobody; who makes its pods is what is of interest.
    found.objects.extend(await _owners(cluster, pods[0] if kind == "service" and pods else document))
    pods.sort(key=lambda pod: (not is_in_trouble(pod), pod["metadata"]["creationTimestamp"]))
    found.pods, found.left_out = pods[:MAX_PODS], max(0, len(pods) - MAX_PODS)
    if found.left_out:
        found.notes.append(f"{found.left_out} more pods were not looked at; those in trouble come first")


async def _pods(cluster: ClusterConnection, found: Workload, kind: str, document: Object) -> list[Object]:
    if kind == "cronjob":
        jobs = [job for job in await cluster.list("jobs") if _is_owned_by(job, document)]
        jobs = sorted(jobs, key=lambda job: str(job["metadata"]["creationTimestamp"]), reverse=True)[:MAX_JOBS]
        found.objects.extend({"kind": "Job", **job} for job in jobs)
        lists = await asyncio.gather(*(_selected(cluster, job["spec"]["selector"]) for job in jobs))
        return [pod for pods in lists for pod in pods]
    selector = document["spec"].get("selector") or {}
    return await _selected(cluster, {"matchLabels": selector} if kind == "service" else selector)


async def _selected(cluster: ClusterConnection, selector: Object) -> list[Object]:
    text = label_selector(selector)
    return await cluster.list("pods", labelSelector=text) if text else []


async def _owners(cluster: ClusterConnection, document: Object) -> list[Object]:
    """What controls an object, and what controls that, as far as it can be read."""
    found: list[Object] = []
    while len(found) < _MAX_OWNERS and (owner := controller_of(document)) is not None:
        resource = KINDS.get(str(owner["kind"]).lower())
        if resource is None:
            break
        try:
            document = await cluster.read(resource, owner["name"])
        except NotThereError:
            break
        document.setdefault("kind", owner["kind"])
        found.append(document)
    return found


def controller_of(document: Object) -> Object | None:
    """The reference to the object that controls this one."""
    owners: list[Object] = document["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def label_selector(selector: Object) -> str:
    """A selector object as the text that a list request takes; empty for one that selects nothing."""
    parts = [f"{name}={value}" for name, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        parts.append(_expression(expression))
    return ",".join(parts)


def _expression(expression: Object) -> str:
    key, values = expression["key"], ",".join(expression.get("values") or ())
    forms = {"Exists": key, "DoesNotExist": f"!{key}", "In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})"}
    return str(forms[expression["operator"]])


def pod_spec_of(document: Object) -> Object | None:
    """The specification of the pods that an object makes, if it makes any."""
    spec = document.get("spec") or {}
    if document["kind"] == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    found: Object | None = (spec.get("template") or {}).get("spec")
    return found


def is_in_trouble(pod: Object) -> bool:
    """Whether a pod failed, waits, or restarted lately."""
    status = pod.get("status") or {}
    containers = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    if status.get("phase") == "Succeeded":
        return False
    restarted = any(item.get("restartCount") for item in containers)
    return restarted or status.get("phase") != "Running" or not all(item.get("ready") for item in containers)


def _is_owned_by(document: Object, owner: Object) -> bool:
    reference = controller_of(document)
    return reference is not None and reference["uid"] == owner["metadata"]["uid"]
