"""The namespace's objects as YAML that can be applied again. Secrets are among them: they leave the pod encrypted only.

Left out is what a cluster makes by itself from the rest (pods, events, endpoints …), finished Jobs, and of each object
what the server fills in.
"""

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import yaml

from baton_workloads import kubernetes_client
from baton_workloads.backup.archive import Compressed, write_archive
from baton_workloads.backup.keys import recipients
from baton_workloads.backup.manifest import ClusterObjects
from baton_workloads.backup.parts import emit_part
from baton_workloads.backup.portable import is_passing, portable
from baton_workloads.environment import required
from baton_workloads.kubernetes_client import KubernetesClient

DERIVED = {
    "Pod", "Event", "Endpoints", "EndpointSlice", "Lease", "ReplicaSet", "ControllerRevision", "PodMetrics",
    "CSIStorageCapacity", "VolumeSnapshot",
}  # fmt: skip


class _Documents:
    """A stream of YAML documents, as an archive's source."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def read(self, size: int) -> bytes:
        block = self._rest or next(self._blocks, b"")
        self._rest = block[size:]
        return block[:size]


def export_cluster(run_key: str) -> dict[str, Any]:
    """Store every object of the pod's namespace.

    :returns: the stage's result, with how many of each kind.
    :raises WorkloadError: a kind could not be listed; a backup that lacks some would look whole.
    """
    started = time.monotonic()
    root, to, taken_at = required("BATON_BACKUPS_URI"), recipients(), datetime.now(UTC)
    counts: dict[str, int] = {}
    with kubernetes_client.connect() as cluster:
        path = f"data/{run_key}/cluster-{secrets.token_hex(4)}/{cluster.namespace}.yaml.zst.age"
        archive = write_archive(root, path, Compressed(_Documents(_blocks(cluster, counts))), to)
        part = ClusterObjects(
            name=cluster.namespace, taken_at=taken_at, objects=dict(sorted(counts.items())), chunks=archive.chunks,
            raw_bytes=archive.raw_bytes, recipients=to,
        )  # fmt: skip
    return {
        "stage": "export_cluster",
        "parts": [emit_part(root, run_key, part)],
        "objects": part.objects,
        "stored_bytes": part.stored_bytes,
        "seconds": round(time.monotonic() - started, 3),
    }


def _blocks(cluster: KubernetesClient, counts: dict[str, int]) -> Iterator[bytes]:
    for resource in cluster.resources():
        if resource.kind in DERIVED:
            continue
        for item in cluster.objects(resource):
            if is_passing(resource.kind, item):
                continue
            counts[resource.kind] = counts.get(resource.kind, 0) + 1
            content = {"apiVersion": resource.api_version, "kind": resource.kind, **portable(resource.kind, item)}
            text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, explicit_start=True)
            yield text.encode()
