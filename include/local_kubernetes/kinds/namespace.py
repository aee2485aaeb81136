"""Namespaces."""

from __future__ import annotations

from typing import Any

from local_kubernetes.access.admission import check_levels
from local_kubernetes.errors import Cause
from local_kubernetes.names import check_label
from local_kubernetes.resources import Column, Kind

from .columns import age


def _complete(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = obj["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    return {
        **obj,
        "metadata": {**metadata, "labels": labels},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _check(obj: dict[str, Any]) -> list[Cause]:
    return [*check_label(obj["metadata"]["name"], "metadata.name"), *check_levels(obj)]


NAMESPACE = Kind(
    plural="namespaces",
    kind="Namespace",
    singular="namespace",
    namespaced=False,
    short_names=("ns",),
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    subresources=("status",),
    fields=frozenset({"status.phase"}),
    columns=(
        Column("Name", lambda obj: obj["metadata"]["name"], format="name"),
        Column("Status", lambda obj: obj["status"]["phase"]),
        Column("Age", age),
    ),
    returns_status_when_deleted=False,
    complete=_complete,
    check=_check,
)
