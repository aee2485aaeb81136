"""Snapshots of the namespace's volumes, made by the cluster's own storage driver and waited for.

They stay with that driver: the manifest has their names and handles. Source: the API group snapshot.storage.k8s.io/v1.
"""

import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from baton_workloads import kubernetes_client
from baton_workloads.backup.manifest import Volumes, VolumeSnapshot
from baton_workloads.backup.parts import emit_part
from baton_workloads.environment import required
from baton_workloads.errors import DataError, TransientError
from baton_workloads.kubernetes_client import KubernetesClient, Resource
from baton_workloads.progress import say

SNAPSHOTS = Resource("/apis/snapshot.storage.k8s.io/v1", "volumesnapshots", "VolumeSnapshot")
CLAIMS = Resource("/api/v1", "persistentvolumeclaims", "PersistentVolumeClaim")
OPT_OUT = "baton/backup"  # a claim with this label and the value "no" is left out
OURS = {"app.kubernetes.io/managed-by": "baton", "baton/part-of": "backup"}
SELECTOR = ",".join(f"{name}={value}" for name, value in OURS.items())
POLL_SECONDS = 1.0
ERROR_SECONDS = 300.0  # its controller goes on trying and takes an error back; one that stays so long is final
ALL_SNAPSHOTS = "all"  # where a manifest cannot be read, nobody knows which ones it names
KEPT_WHILE = timedelta(days=2)  # a run that is not sealed yet may still need them


def snapshot_volumes(run_key: str, snapshot_class: str, patience_seconds: float) -> dict[str, Any]:
    """Snapshot every bound claim of the pod's namespace and wait until each snapshot can be used.

    :param snapshot_class: empty for the cluster's default.
    :returns: the stage's result.
    :raises DataError: the driver says that a snapshot failed.
    :raises TransientError: one was not ready in time.
    """
    started = time.monotonic()
    root = required("BATON_BACKUPS_URI")
    with kubernetes_client.connect() as cluster:
        skipped = "" if cluster.served(SNAPSHOTS.path) else f"this cluster does not serve {SNAPSHOTS.api_version}"
        claims = [] if skipped else _claims(cluster)
        names = {claim: _make(cluster, claim, run_key, snapshot_class) for claim in claims}
        deadline = time.monotonic() + patience_seconds
        made = [_ready(cluster, claim, name, deadline) for claim, name in names.items()]
        if skipped:
            say(f"volumes are skipped: {skipped}")
        part = Volumes(name=cluster.namespace, snapshots=made, skipped=skipped)
    return {
        "stage": "snapshot_volumes",
        "parts": [emit_part(root, run_key, part)],
        "snapshots": {item.claim: item.snapshot for item in made},
        "skipped": skipped,
        "seconds": round(time.monotonic() - started, 3),
    }


def _claims(cluster: KubernetesClient) -> list[str]:
    return [
        item["metadata"]["name"]
        for item in cluster.objects(CLAIMS)
        if item.get("status", {}).get("phase") == "Bound" and item["metadata"].get("labels", {}).get(OPT_OUT) != "no"
    ]


def _make(cluster: KubernetesClient, claim: str, run_key: str, snapshot_class: str) -> str:
    """Ask for a snapshot. A repeated stage asks for another one: the first may be of hours ago, and is pruned."""
    name = f"{claim[:40].rstrip('.-')}-{secrets.token_hex(5)}"
    spec: dict[str, Any] = {"source": {"persistentVolumeClaimName": claim}}
    if snapshot_class:
        spec["volumeSnapshotClassName"] = snapshot_class
    metadata = {"name": name, "labels": OURS, "annotations": {"baton/run-key": run_key}}
    body = {"apiVersion": SNAPSHOTS.api_version, "kind": SNAPSHOTS.kind, "metadata": metadata, "spec": spec}
    cluster.create(SNAPSHOTS, body)
    return name


def _ready(cluster: KubernetesClient, claim: str, name: str, deadline: float) -> VolumeSnapshot:
    failing_since = None
    while True:
        found = cluster.call("GET", cluster.of(SNAPSHOTS, name))
        if found is None:
            raise TransientError(
                f"snapshot {name} of claim {claim} was deleted by somebody while it was made; try again"
            )
        status = found.get("status") or {}
        if status.get("readyToUse"):
            return VolumeSnapshot(
                claim=claim, snapshot=name, handle=status.get("boundVolumeSnapshotContentName", ""),
                restore_size=str(status.get("restoreSize", "")),
                taken_at=status.get("creationTime") or found["metadata"]["creationTimestamp"],
            )  # fmt: skip
        now = time.monotonic()
        failing_since = (failing_since or now) if status.get("error") else None
        if failing_since and now - failing_since >= ERROR_SECONDS:
            raise DataError(f"snapshot {name} of claim {claim} failed: see kubectl describe volumesnapshot {name}")
        if now > deadline:
            raise TransientError(f"snapshot {name} of claim {claim} was not ready in time; is its driver at work?")
        time.sleep(POLL_SECONDS)


def prune_snapshots(kept: list[str]) -> dict[str, Any]:
    """Delete this project's snapshots that no backup names any more.

    :param kept: those that the remaining backups name, or ``all``.
    :returns: the stage's result.
    """
    started = time.monotonic()
    deleted = []
    before = datetime.now(UTC) - KEPT_WHILE
    with kubernetes_client.connect() as cluster:
        found = list(cluster.objects(SNAPSHOTS, labelSelector=SELECTOR)) if cluster.served(SNAPSHOTS.path) else []
        for item in found:
            name, made_at = item["metadata"]["name"], datetime.fromisoformat(item["metadata"]["creationTimestamp"])
            if ALL_SNAPSHOTS not in kept and name not in kept and made_at < before:
                cluster.call("DELETE", cluster.of(SNAPSHOTS, name))
                deleted.append(name)
    return {
        "stage": "prune_snapshots",
        "deleted": deleted,
        "seconds": round(time.monotonic() - started, 3),
    }
