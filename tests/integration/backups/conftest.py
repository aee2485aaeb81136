"""A namespace with things to back up, the commands on it, and a stand-in for the driver that makes snapshots."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyrage
import pytest
from kubernetes.client import ApiextensionsV1Api, CoreV1Api, CustomObjectsApi
from tests.workloads.in_process import run_workload

from local_kubernetes.testing import (  # noqa: F401 - fixtures
    Namespace,
    local_kubernetes,
    local_kubernetes_server,
    slow_kubernetes,
    slow_kubernetes_server,
)

INCLUDE = Path(__file__).parents[3] / "include"
GROUP = "snapshot.storage.k8s.io"
STATUS = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": f"volumesnapshots.{GROUP}",
        "annotations": {
            "api-approved.kubernetes.io": "https://github.com/kubernetes-csi/external-snapshotter/pull/814"
        },
    },
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": "volumesnapshots", "singular": "volumesnapshot", "kind": "VolumeSnapshot"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": STATUS, "status": STATUS}}},
            }
        ],
    },
}


@dataclass
class Stages:
    """The commands of a backup against one namespace, with a store of the test's own."""

    place: Namespace
    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    identity: Any = None

    def run(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """Run one command: exit code, its result where it has one, its last line of errors."""
        done = run_workload("backup", *words, environment={**os.environ, **self.environment})
        return done.code, done.result if done.code == 0 else {}, (done.stderr.splitlines() or [""])[-1]

    def spawn(self, *words: str) -> subprocess.Popen[str]:
        """Start one command as a process, as a pod does."""
        base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(INCLUDE)}
        return subprocess.Popen(
            [sys.executable, "-m", "baton_workloads", "backup", *words],
            env=base | self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def part(self, result: dict[str, Any]) -> dict[str, Any]:
        """Read what a stage wrote of its part."""
        uri = result["parts"][0].partition("#")[0]
        content: dict[str, Any] = json.loads(Path(uri.removeprefix("file://")).read_text())
        return content

    def opened(self, result: dict[str, Any]) -> bytes:
        """Decrypt a part's archive."""
        from baton_workloads.backup.archive import read_archive
        from baton_workloads.backup.chunks import Chunk

        chunks = [Chunk(**item) for item in self.part(result)["chunks"]]
        found = io.BytesIO()
        read_archive(f"file://{self.root}", chunks, [self.identity], found.write)
        return found.getvalue()


def make_stages(place: Namespace, root: Path) -> Stages:
    """The commands for a namespace."""
    identity = pyrage.x25519.Identity.generate()
    environment = {
        "BATON_CLUSTER_KUBECONFIG": place.server.kubeconfig.read_text(),
        "BATON_NAMESPACE": place.name,
        "BATON_BACKUPS_URI": f"file://{root}",
        "BATON_BACKUP_RECIPIENTS": str(identity.to_public()),
    }
    return Stages(place, root, environment, identity)


@pytest.fixture
def stages(local_kubernetes: Namespace, tmp_path: Path) -> Stages:  # noqa: F811
    """The commands on a calm cluster."""
    return make_stages(local_kubernetes, tmp_path / "backups")


@pytest.fixture
def slow_stages(slow_kubernetes: Namespace, tmp_path: Path) -> Stages:  # noqa: F811
    """The commands on a cluster that refuses requests now and then."""
    return make_stages(slow_kubernetes, tmp_path / "backups")


@pytest.fixture
def driver(stages: Stages) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Defines VolumeSnapshot, and plays its controller: calling it says which status new snapshots get."""
    api, objects = ApiextensionsV1Api(stages.place.client), CustomObjectsApi(stages.place.client)
    api.create_custom_resource_definition(DEFINITION)
    ended, status = threading.Event(), {"readyToUse": True}

    def play() -> None:
        where = (GROUP, "v1", stages.place.name, "volumesnapshots")
        while not ended.wait(0.05):
            for item in objects.list_namespaced_custom_object(*where).get("items", []):
                if "status" not in item:
                    name = item["metadata"]["name"]
                    body = {**item, "status": {"boundVolumeSnapshotContentName": f"content-{name}", **status}}
                    objects.patch_namespaced_custom_object_status(*where, name, body)

    def say(new: dict[str, Any]) -> None:
        status.clear()
        status.update(new)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    yield say
    ended.set()
    thread.join()
    api.delete_custom_resource_definition(DEFINITION["metadata"]["name"])


@pytest.fixture
def claim(stages: Stages) -> str:
    """A bound claim in the namespace."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    CoreV1Api(stages.place.client).create_namespaced_persistent_volume_claim(
        stages.place.name, {"metadata": {"name": "data"}, "spec": spec}
    )
    return "data"
