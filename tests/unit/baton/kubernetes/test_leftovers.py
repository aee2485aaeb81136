"""What counts as left over in a namespace."""

import asyncio
from datetime import UTC, datetime

import pytest

from baton.kubernetes.job_api import JobApi, NotThereError
from baton.kubernetes.leftovers import VOLUMES, Rules, find_leftovers

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD, NEW = "2026-11-10T00:00:00Z", "2026-11-22T00:00:00Z"


class ScriptedCluster(JobApi):
    """A namespace that holds what a test says."""

    def __init__(self, **objects):
        super().__init__(hook=None, namespace="baton")
        self.objects = objects

    async def list_all(self, path, **selected):
        kind = path.rsplit("/", 1)[1]
        if path == VOLUMES and kind not in self.objects:
            raise NotThereError("no such kind")
        return self.objects.get(kind, [])


def find(**objects):
    found = asyncio.run(find_leftovers(ScriptedCluster(**objects), Rules(NOW, 7)))
    return [(item.kind, item.name, item.deletable) for item in found]


def metadata(name="x", **more):
    return {"name": name, "uid": f"uid-{name}", "creationTimestamp": OLD, **more}


def owned(kind):
    return metadata(ownerReferences=[{"kind": kind, "name": "o", "uid": "u"}])


def job(ended=OLD, condition="Complete", meta=None, **spec):
    conditions = [{"type": condition, "status": "True", "lastTransitionTime": ended}] if ended else []
    return {"metadata": meta or metadata(), "spec": spec, "status": {"conditions": conditions}}


def pod(phase="Failed", ended=OLD, meta=None, **more):
    status = {"phase": phase, "containerStatuses": [{"state": {"terminated": {"finishedAt": ended}}}]}
    volumes = more.pop("volumes", [])
    return {"metadata": meta or metadata(), "spec": {"volumes": volumes}, "status": {**status, **more}}


PROTECTED = metadata(labels={"baton.dev/protected": "true"})
EVICTED_NOW = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": NEW}
LEAVING = metadata(deletionTimestamp=NEW)


@pytest.mark.parametrize(
    ("given", "is_left_over"),
    [
        (job(), True),
        (job(condition="Failed"), True),
        (job(condition="Suspended"), False),
        (job(ended=None), False),
        (job(ended=NEW), False),
        (job(ttlSecondsAfterFinished=60), False),
        (job(meta=owned("CronJob")), False),
        (job(meta=PROTECTED), False),
        (job(meta=LEAVING), False),
    ],
)
def test_jobs(given, is_left_over):
    """Finished for long, nobody's, and without a time to live of their own."""
    assert find(jobs=[given]) == ([("Job", "x", True)] if is_left_over else [])


@pytest.mark.parametrize(
    ("given", "is_left_over"),
    [
        (pod(), True),
        (pod("Succeeded"), True),
        (pod("Running"), False),
        (pod(ended=NEW), False),
        (pod(meta=owned("ReplicaSet")), False),
        (pod(meta=owned("ReplicaSet"), reason="Evicted"), True),
        (pod(meta=owned("Job"), reason="Evicted"), False),
        (pod(meta=PROTECTED, reason="Evicted"), False),
        (pod(containerStatuses=None, reason="Evicted"), True),
        (pod(containerStatuses=None, reason="Evicted", conditions=[EVICTED_NOW]), False),
    ],
)
def test_pods(given, is_left_over):
    """Ended for long and nobody's, or evicted; a Job counts its pods itself."""
    assert find(pods=[given]) == ([("Pod", "x", True)] if is_left_over else [])


def claim(name="data", temporary=False, **more):
    labels = {"baton.dev/temporary": "true"} if temporary else {}
    return {"metadata": metadata(name, labels=labels, **more), "spec": {}}


MOUNT = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
EPHEMERAL = [{"name": "data", "ephemeral": {}}]


@pytest.mark.parametrize(
    ("claims", "pods", "found"),
    [
        ([claim()], [], [("Claim", "data", False)]),
        ([claim(temporary=True)], [], [("Claim", "data", True)]),
        ([claim(temporary=True)], [pod("Running", volumes=MOUNT)], []),
        ([claim("x-data", temporary=True)], [pod("Running", volumes=EPHEMERAL)], []),
        ([claim(temporary=True, creationTimestamp=NEW)], [], []),
        ([claim(temporary=True, ownerReferences=[{"kind": "Pod"}])], [], []),
    ],
)
def test_claims(claims, pods, found):
    """Only what says that it is temporary may go; whatever no pod mounts is reported."""
    assert find(persistentvolumeclaims=claims, pods=pods) == found


@pytest.mark.parametrize(
    ("phase", "namespace", "count"), [("Released", "baton", 1), ("Bound", "baton", 0), ("Released", "other", 0)]
)
def test_released_volumes_of_this_namespace_are_reported(phase, namespace, count):
    """Never deleted: what is in them is all that is left of a claim."""
    volume = {
        "metadata": metadata("pv"),
        "spec": {"claimRef": {"namespace": namespace, "name": "data"}},
        "status": {"phase": phase},
    }
    assert find(persistentvolumes=[volume]) == [("Volume", "pv", False)] * count
