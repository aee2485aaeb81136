"""A pod's volumes as directories of this machine, and where each container sees them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import projections
from .environment import ConfigError, Find, expand, lookup
from .root_filesystem import Bind

Object = dict[str, Any]


class MountError(ConfigError):
    """A volume cannot be made, so that no container of the pod starts.

    :param volume: its name.
    """

    def __init__(self, volume: str, message: str) -> None:
        super().__init__(message)
        self.volume = volume


@dataclass(frozen=True, slots=True)
class Places:
    """Where volumes are kept: the pod's own, which go with it, and those of claims, which stay."""

    pod: Path
    claims: Path


def variable(mount_path: str) -> str:
    """The variable that tells a container without mount namespace where a mount path's content is."""
    return "LOCAL_KUBERNETES_MOUNT_" + re.sub(r"[^A-Z0-9]", "_", mount_path.upper()).strip("_")


def prepare(pod: Object, places: Places, find: Find) -> dict[str, Path]:
    """Make the pod's volumes; returns each volume's directory (or file) by name.

    Calling it again is harmless: an emptyDir keeps its content, what Secrets and the like hold is written anew.
    :raises MountError: a Secret, a ConfigMap or a claim is missing, or a host path does not exist.
    """
    made = {}
    for volume in _volumes(pod):
        try:
            made[volume["name"]] = _prepare(volume, pod, places, find)
        except ConfigError as err:
            raise MountError(volume["name"], str(err)) from err
    return made


def _volumes(pod: Object) -> list[Object]:
    return pod["spec"].get("volumes") or []


def _prepare(volume: Object, pod: Object, places: Places, find: Find) -> Path:
    if "hostPath" in volume:
        path = Path(volume["hostPath"].get("path") or "")
        if not path.exists():
            raise ConfigError(f"hostPath type check failed: {path} is not a directory")
        return path
    claim = volume.get("persistentVolumeClaim")
    place = places.pod / volume["name"] if claim is None else places.claims / _claim_uid(claim, pod, find)
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o777)  # as an emptyDir in a cluster; the directories above it are the owner's only
    if _is_projection(volume):
        projections.write(place, projections.files(volume, pod, find))
    return place


def _claim_uid(source: Object, pod: Object, find: Find) -> str:
    claim = lookup("persistentvolumeclaims", source, pod, find, "claimName") or {}
    if claim["metadata"].get("deletionTimestamp"):
        raise ConfigError(f'persistentvolumeclaim "{source["claimName"]}" is being deleted')
    return str(claim["metadata"]["uid"])


def _is_projection(volume: Object) -> bool:
    return not projections.SOURCES.isdisjoint(volume)


def refresh(pod: Object, place: Path, find: Find, concerns: Callable[[Object], bool]) -> None:
    """Write the files of the volumes that a change concerns anew; containers see them at once.

    Not those that are mounted with a ``subPath``, as in a cluster.
    :raises ConfigError: a Secret, a ConfigMap or a key is gone; what was written before stays.
    """
    for volume in _volumes(pod):
        if concerns(volume) and (place / volume["name"]).exists():
            projections.write(place / volume["name"], projections.files(volume, pod, find))


def binds(pod: Object, container: Object, sources: dict[str, Path], variables: Mapping[str, str]) -> list[Bind]:
    """What a container sees where.

    :param variables: the container's own, which ``subPathExpr`` may refer to.
    :raises ConfigError: a subPath leads out of its volume.
    """
    fixed = {volume["name"] for volume in _volumes(pod) if _is_projection(volume)}
    closed = fixed | {v["name"] for v in _volumes(pod) if (v.get("persistentVolumeClaim") or {}).get("readOnly")}
    result = []
    for mount in container.get("volumeMounts") or []:
        source = sources[mount["name"]]
        sub_path = mount.get("subPath") or _expanded(mount.get("subPathExpr") or "", variables)
        if sub_path:
            source = _below(source, sub_path)
        target = "/" + mount["mountPath"].strip("/")
        result.append(Bind(str(source), target, bool(mount.get("readOnly")) or mount["name"] in closed))
    return result


def _expanded(expression: str, variables: Mapping[str, str]) -> str:
    path = expand(expression, variables)
    if "$(" in path.replace("$$", ""):
        missing = [name for name in re.findall(r"\$\(([^)]*)\)", path)]
        raise ConfigError(f"missing value for {', '.join(missing)}")
    if path.startswith("/") or ".." in path.split("/"):
        raise ConfigError(f'subPathExpr "{expression}" leads out of its volume: "{path}"')
    return path


def _below(volume: Path, sub_path: str) -> Path:
    """A path inside a volume; what is not there is made as a directory that everybody may write to."""
    inside = os.path.realpath(volume)
    path = os.path.realpath(os.path.join(inside, sub_path))
    if path != inside and not path.startswith(inside + os.sep):
        raise ConfigError(f'subPath "{sub_path}" leads out of its volume')
    if not os.path.lexists(path):
        os.makedirs(path)
        Path(path).chmod(0o777)
    return Path(path)


def remove(place: Path, report: Callable[[str], None]) -> None:
    """Remove a pod's directory with everything in it; what cannot be removed is reported."""
    shutil.rmtree(place, ignore_errors=True)
    if place.exists():
        report(f"{place} could not be removed; see who owns what is left in it")
