"""A pod's volumes as directories of this machine, and where each container sees them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from baton_local.kubernetes.kinds.core import config_values, secret_values
from baton_local.kubernetes.pki import write_private

from .environment import ConfigError, Find, lookup
from .root import Bind

Object = dict[str, Any]


def variable(mount_path: str) -> str:
    """The variable that tells a container without mount namespace where a mount path's content is."""
    return "LOCAL_KUBERNETES_MOUNT_" + re.sub(r"[^A-Z0-9]", "_", mount_path.upper()).strip("_")


def prepare(pod: Object, place: Path, find: Find) -> dict[str, Path]:
    """Make the pod's volumes below ``place``; returns each volume's directory (or file) by name.

    Calling it again is harmless: an emptyDir keeps its content, secrets and config maps are written anew.
    :raises ConfigError: a Secret or ConfigMap is missing, or a host path does not exist.
    """
    return {volume["name"]: _prepare(volume, pod, place / volume["name"], find) for volume in _volumes(pod)}


def _volumes(pod: Object) -> list[Object]:
    return pod["spec"].get("volumes") or []


def _prepare(volume: Object, pod: Object, place: Path, find: Find) -> Path:
    if "hostPath" in volume:
        path = Path(volume["hostPath"].get("path") or "")
        if not path.exists():
            raise ConfigError(f'volume "{volume["name"]}": hostPath {path} does not exist')
        return path
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o777)  # as an emptyDir in a cluster; the directories above it are the owner's only
    if "secret" in volume:
        source = volume["secret"] or {}
        found = lookup("secrets", source, pod, find, "secretName")
        _project(place, secret_values(found) if found else {}, source)
    elif "configMap" in volume:
        source = volume["configMap"] or {}
        found = lookup("configmaps", source, pod, find)
        _project(place, config_values(found) if found else {}, source)
    return place


def _project(place: Path, values: dict[str, bytes], source: Object) -> None:
    default = source.get("defaultMode") or 0o644
    items = source.get("items") or [{"key": key, "path": key} for key in values]
    for item in items:
        key, path = item.get("key") or "", item.get("path") or ""
        if key not in values:
            if source.get("optional"):
                continue
            raise ConfigError(f'references non-existent key: "{key}"')
        if path.startswith("/") or ".." in path.split("/"):
            raise ConfigError(f'the path "{path}" of key "{key}" must stay below the volume')
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_private(target, values[key])
        target.chmod(item.get("mode") or default)


def binds(pod: Object, container: Object, sources: dict[str, Path]) -> list[Bind]:
    """What a container sees where.

    :raises ConfigError: a subPath leads out of its volume.
    """
    fixed = {volume["name"] for volume in _volumes(pod) if "secret" in volume or "configMap" in volume}
    result = []
    for mount in container.get("volumeMounts") or []:
        source = sources[mount["name"]]
        if mount.get("subPath"):
            source = _below(source, mount["subPath"], make=mount["name"] not in fixed)
        target = "/" + mount["mountPath"].strip("/")
        result.append(Bind(str(source), target, bool(mount.get("readOnly")) or mount["name"] in fixed))
    return result


def _below(volume: Path, sub_path: str, *, make: bool) -> Path:
    inside = os.path.realpath(volume)
    path = os.path.realpath(os.path.join(inside, sub_path))
    if path != inside and not path.startswith(inside + os.sep):
        raise ConfigError(f'subPath "{sub_path}" leads out of its volume')
    if make and not os.path.lexists(path):
        os.makedirs(path)
    if not os.path.lexists(path):
        raise ConfigError(f'subPath "{sub_path}" does not exist in its volume')
    return Path(path)


def remove(place: Path, report: Callable[[str], None]) -> None:
    """Remove a pod's directory with everything in it; what cannot be removed is reported."""
    shutil.rmtree(place, ignore_errors=True)
    if place.exists():
        report(f"{place} could not be removed; see who owns what is left in it")
