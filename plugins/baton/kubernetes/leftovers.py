"""What a namespace has left over: finished Jobs, evicted and ended pods, claims that no pod mounts, Released volumes.

What somebody else's rule keeps is left alone: what has an owner or a time to live of its own, and whatever is labelled
`baton.dev/protected`. Of claims only those that say that they are temporary may go; the data in the others is
somebody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from baton.kubernetes.job_api import JobApi, NotThereError, RefusedError

Object = dict[str, Any]

PROTECTED = "baton.dev/protected"
TEMPORARY = "baton.dev/temporary"
EVICTED = ("Evicted", "Preempting", "NodeShutdown", "Shutdown", "Terminated", "NodeLost")
"""Reasons of pods that their node has ended; of those a controller has made new ones at once."""
VOLUMES = "/api/v1/persistentvolumes"


@dataclass(frozen=True)
class Leftover:
    """Something that nobody seems to need.

    :param since: when it ended, or was made.
    :param deletable: False: it is only reported.
    """

    kind: str
    name: str
    uid: str
    path: str
    since: datetime
    why: str
    deletable: bool = True


@dataclass(frozen=True)
class Rules:
    """From when on something counts as left over."""

    now: datetime
    days: float

    def is_old(self, moment: datetime) -> bool:
        """Say whether something is older than so many days."""
        return moment < self.now - timedelta(days=self.days)


async def find_leftovers(api: JobApi, rules: Rules) -> list[Leftover]:
    """Look through the namespace, and the cluster's volumes where that is allowed; the oldest first.

    :raises ApiException, ClientError: the API server was away for too long.
    :raises RefusedError: this account may not list what is in the namespace.
    """
    pods = await api.list_all(api.path("pods"))
    claims = await api.list_all(api.path("persistentvolumeclaims"))
    found = [
        *_jobs(api, await api.list_all(api.jobs_path()), rules),
        *_pods(api, pods, rules),
        *_claims(api, claims, pods, rules),
        *_volumes(await _visible_volumes(api), api.namespace, rules),
    ]
    return sorted(found, key=lambda item: (item.since, item.kind, item.name))


async def _visible_volumes(api: JobApi) -> list[Object]:
    """Volumes belong to the cluster: not every account may see them, and the local Kubernetes has none."""
    try:
        return await api.list_all(VOLUMES)
    except (NotThereError, RefusedError):
        return []


def _jobs(api: JobApi, jobs: list[Object], rules: Rules) -> Iterator[Leftover]:
    for job in _nobodys(jobs):
        ended = _job_end(job)
        if ended and rules.is_old(ended) and "ttlSecondsAfterFinished" not in job["spec"]:
            yield _leftover("Job", job, api.jobs_path(job["metadata"]["name"]), ended, "finished, has no ttl")


def _job_end(job: Object) -> datetime | None:
    for condition in job.get("status", {}).get("conditions") or []:
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return _moment(condition["lastTransitionTime"])
    return None


def _pods(api: JobApi, pods: list[Object], rules: Rules) -> Iterator[Leftover]:
    """Evicted pods also where they have an owner, except a Job, which counts its pods."""
    for pod in _unprotected(pods):
        status, owners = pod.get("status", {}), _owners(pod)
        ended = _pod_end(pod)
        if status.get("phase") not in ("Succeeded", "Failed") or not rules.is_old(ended) or "Job" in owners:
            continue
        path = f"{api.path('pods')}/{pod['metadata']['name']}"
        if status.get("reason") in EVICTED:
            yield _leftover("Pod", pod, path, ended, f"ended by its node: {status['reason']}")
        elif not owners:
            yield _leftover("Pod", pod, path, ended, f"{status['phase'].lower()}, has no owner")


def _pod_end(pod: Object) -> datetime:
    """Give the end of its last container; of a pod that was evicted without any, the last change of its conditions."""
    statuses, conditions = pod["status"].get("containerStatuses") or [], pod["status"].get("conditions") or []
    ends = [status["state"]["terminated"].get("finishedAt") for status in statuses if "terminated" in status["state"]]
    changes = [condition.get("lastTransitionTime") for condition in conditions]
    moments = list(filter(None, ends)) or list(filter(None, changes))
    return max(map(_moment, moments), default=_made(pod))


def _claims(api: JobApi, claims: list[Object], pods: list[Object], rules: Rules) -> Iterator[Leftover]:
    mounted = {name for pod in pods for name in _claims_of(pod)}
    for claim in _nobodys(claims):
        name, labels = claim["metadata"]["name"], claim["metadata"].get("labels") or {}
        if name in mounted or not rules.is_old(_made(claim)):
            continue
        temporary = labels.get(TEMPORARY) == "true"
        why = "no pod mounts it" + ("" if temporary else f", is not labelled {TEMPORARY}")
        path = f"{api.path('persistentvolumeclaims')}/{name}"
        yield _leftover("Claim", claim, path, _made(claim), why, deletable=temporary)


def _claims_of(pod: Object) -> Iterator[str]:
    for volume in pod["spec"].get("volumes") or []:
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"]["claimName"]
        elif "ephemeral" in volume:
            yield f"{pod['metadata']['name']}-{volume['name']}"


def _volumes(volumes: list[Object], namespace: str, rules: Rules) -> Iterator[Leftover]:
    for volume in _unprotected(volumes):
        released = volume.get("status", {}).get("phase") == "Released"
        claim = volume["spec"].get("claimRef") or {}
        if released and claim.get("namespace") == namespace and rules.is_old(_made(volume)):
            why = f"released by claim {claim['name']}, its data may still be wanted"
            path = f"{VOLUMES}/{volume['metadata']['name']}"
            yield _leftover("Volume", volume, path, _made(volume), why, deletable=False)


def _leftover(kind: str, obj: Object, path: str, since: datetime, why: str, *, deletable: bool = True) -> Leftover:
    metadata = obj["metadata"]
    return Leftover(kind, metadata["name"], metadata["uid"], path, since, why, deletable)


def _unprotected(objects: Iterable[Object]) -> Iterator[Object]:
    """Leave out what is protected (any value but false), and what is being deleted already."""
    for obj in objects:
        metadata = obj["metadata"]
        protected = (metadata.get("labels") or {}).get(PROTECTED, "false") != "false"
        if not protected and not metadata.get("deletionTimestamp"):
            yield obj


def _nobodys(objects: Iterable[Object]) -> Iterator[Object]:
    return (obj for obj in _unprotected(objects) if not _owners(obj))


def _owners(obj: Object) -> set[str]:
    return {owner["kind"] for owner in obj["metadata"].get("ownerReferences") or []}


def _made(obj: Object) -> datetime:
    return _moment(obj["metadata"]["creationTimestamp"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
