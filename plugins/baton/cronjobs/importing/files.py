"""Write the CronJobs of a cluster into files, without what only the cluster can say of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from baton.cronjobs.manifests.files import Manifest
from baton.cronjobs.manifests.scalars import Dumper

_METADATA = ("name", "namespace", "labels", "annotations")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def write_manifests(manifests: Iterable[Manifest], folder: Path) -> tuple[list[Path], list[Path]]:
    """Write a file for each CronJob, `namespace.name.yaml` or `name.yaml`; one that is there already stays as it is.

    :returns: the files that were written, and those that were there.
    """
    written, kept = [], []
    folder.mkdir(parents=True, exist_ok=True)
    for manifest in manifests:
        file = folder / f"{'.'.join(filter(None, (manifest.namespace, manifest.name)))}.yaml"
        try:
            with file.open("x", encoding="utf-8") as stream:
                yaml.dump(_own(manifest.content), stream, Dumper=Dumper, sort_keys=False, allow_unicode=True)
        except FileExistsError:
            kept.append(file)
        else:
            written.append(file)
    return written, kept


def _own(content: dict[str, Any]) -> dict[str, Any]:
    """What a user wrote, with the defaults that the server has filled in."""
    given = content["metadata"]
    metadata = {key: given[key] for key in _METADATA if given.get(key)}
    if annotations := {key: text for key, text in metadata.pop("annotations", {}).items() if key != _APPLIED}:
        metadata["annotations"] = annotations
    return {"apiVersion": content["apiVersion"], "kind": "CronJob", "metadata": metadata, "spec": content["spec"]}
