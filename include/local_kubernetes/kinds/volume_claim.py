"""PersistentVolumeClaims: each is bound at once, to a directory of the server's state."""

from __future__ import annotations

from typing import Any

from local_kubernetes.errors import Cause
from local_kubernetes.resources import Column, Kind

from .columns import age
from .pod_check import not_supported, quantity, required

Object = dict[str, Any]
PROTECTION = "kubernetes.io/pvc-protection"
STORAGE_CLASS = "local"
_ACCESS_MODES = {"ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOnce": "RWO", "ReadWriteOncePod": "RWOP"}
_IMMUTABLE = (
    "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound "
    "claims"
)


def _complete(obj: Object) -> Object:
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    finalizers = [*(metadata.get("finalizers") or [])]
    if PROTECTION not in finalizers:
        finalizers.append(PROTECTION)
    spec = {
        "volumeMode": "Filesystem",
        "storageClassName": STORAGE_CLASS,
        **{name: value for name, value in spec.items() if value is not None},
        "volumeName": f"pvc-{metadata['uid']}",
    }
    return {**obj, "metadata": {**metadata, "finalizers": finalizers}, "spec": spec, "status": _status(spec)}


def _status(spec: Object) -> Object:
    requests = (spec.get("resources") or {}).get("requests") or {}
    capacity = {"storage": requests["storage"]} if "storage" in requests else {}
    return {"phase": "Bound", "accessModes": spec.get("accessModes") or [], "capacity": capacity}


def _check(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    causes = []
    if not spec.get("accessModes"):
        causes.append(required("spec.accessModes", "at least 1 access mode is required"))
    for position, mode in enumerate(spec.get("accessModes") or []):
        if mode not in _ACCESS_MODES:
            causes.append(not_supported(f"spec.accessModes[{position}]", mode, sorted(_ACCESS_MODES)))
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        causes.append(required("spec.resources[storage]"))
    elif quantity(storage) <= 0:
        message = f'Invalid value: "{storage}": must be greater than zero'
        causes.append(Cause("spec.resources[storage]", "FieldValueInvalid", message))
    if spec["volumeMode"] != "Filesystem":
        causes.append(not_supported("spec.volumeMode", spec["volumeMode"], ["Filesystem"]))
    return causes


def _check_update(before: Object, after: Object) -> list[Cause]:
    def frozen(obj: Object) -> Object:
        return {name: value for name, value in obj["spec"].items() if name != "resources"}

    return [] if frozen(before) == frozen(after) else [Cause("spec", "FieldValueForbidden", _IMMUTABLE)]


def _modes(obj: Object) -> str:
    return ",".join(_ACCESS_MODES.get(mode, mode) for mode in obj["spec"].get("accessModes") or [])


def _phase(obj: Object) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else str(obj["status"]["phase"])


CLAIM = Kind(
    plural="persistentvolumeclaims",
    kind="PersistentVolumeClaim",
    singular="persistentvolumeclaim",
    short_names=("pvc",),
    subresources=("status",),
    columns=(
        Column("Name", lambda obj: obj["metadata"]["name"], format="name"),
        Column("Status", _phase),
        Column("Volume", lambda obj: obj["spec"].get("volumeName", "")),
        Column("Capacity", lambda obj: (obj["status"].get("capacity") or {}).get("storage", "")),
        Column("Access Modes", _modes),
        Column("StorageClass", lambda obj: obj["spec"].get("storageClassName", "")),
        Column("VolumeAttributesClass", lambda obj: obj["spec"].get("volumeAttributesClassName") or "<unset>"),
        Column("Age", age),
        Column("VolumeMode", lambda obj: obj["spec"].get("volumeMode", ""), priority=1),
    ),
    returns_status_when_deleted=False,
    complete=_complete,
    check=_check,
    check_update=_check_update,
)
