"""The files that volumes are made of: Secrets, ConfigMaps, the pod's own fields, or several of them together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from local_kubernetes.kinds.core import config_values, secret_values
from local_kubernetes.private_files import write_private

from .environment import TOKENS, ConfigError, Find, field, lookup, resource

Object = dict[str, Any]
SOURCES = frozenset({"secret", "configMap", "downwardAPI", "projected"})
_DEFAULT_MODE = 0o644


class File(NamedTuple):
    """One file of a volume: its path below it, its content, its permissions."""

    path: str
    content: bytes
    mode: int


def files(volume: Object, pod: Object, find: Find) -> list[File]:
    """The files of a volume; empty for one that is no projection.

    :raises ConfigError: a Secret, a ConfigMap, a key or a field is missing.
    """
    projected = volume.get("projected")
    if projected is None:
        return list(_files(volume, pod, find, _DEFAULT_MODE))
    mode = _mode(projected.get("defaultMode"), _DEFAULT_MODE)
    return [file for source in projected.get("sources") or [] for file in _files(source, pod, find, mode)]


def write(place: Path, wanted: list[File]) -> None:
    """Make a directory hold these files and no others; each is replaced in one step, and only if it changed."""
    for file in wanted:
        target = place / file.path
        if not target.is_file() or target.read_bytes() != file.content:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_private(target, file.content, durable=False)
        target.chmod(file.mode)
    kept = {place / file.path for file in wanted}
    for path in sorted(place.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept:
            path.unlink()


def refers_to(volume: Object, resource_name: str, name: str) -> bool:
    """Whether a volume shows a Secret or ConfigMap of that name."""
    part, name_field = {"secrets": ("secret", "secretName"), "configmaps": ("configMap", "name")}[resource_name]
    if (volume.get(part) or {}).get(name_field) == name:
        return True
    projected = (volume.get("projected") or {}).get("sources") or []
    return any((source.get(part) or {}).get("name") == name for source in projected)


def shows_metadata(volume: Object) -> bool:
    """Whether a volume shows fields of the pod that may change: labels and annotations."""
    sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    items = [item for source in sources for item in (source.get("downwardAPI") or {}).get("items") or []]
    return any((item.get("fieldRef") or {}).get("fieldPath", "").startswith("metadata.") for item in items)


def _files(source: Object, pod: Object, find: Find, default: int) -> Iterator[File]:
    if source.get("secret") is not None:
        part = source["secret"]
        name_field = "secretName" if "secretName" in part else "name"
        yield from _keys("secrets", part, name_field, secret_values, pod, find, default)
    elif source.get("configMap") is not None:
        yield from _keys("configmaps", source["configMap"], "name", config_values, pod, find, default)
    elif source.get("downwardAPI") is not None:
        yield from _fields(source["downwardAPI"], pod, default)
    elif source.get("serviceAccountToken") is not None:
        yield _token(source["serviceAccountToken"], pod, find, default)


def _token(source: Object, pod: Object, find: Find, default: int) -> File:
    """The token of the pod's account; made anew each time that the volume is written."""
    found = find(TOKENS, source.get("audience") or "")
    if found is None:
        raise ConfigError(f'serviceaccounts "{pod["spec"].get("serviceAccountName")}" not found')
    return File(source["path"], str(found["token"]).encode(), default)


def _keys(
    resource_name: str,
    source: Object,
    name_field: str,
    read: Callable[[Object], dict[str, bytes]],
    pod: Object,
    find: Find,
    default: int,
) -> Iterator[File]:
    found = lookup(resource_name, source, pod, find, name_field)
    values = read(found) if found else {}
    default = _mode(source.get("defaultMode"), default)
    for item in source.get("items") or [{"key": key, "path": key} for key in values]:
        key = item["key"]
        if key in values:
            yield File(item["path"], values[key], _mode(item.get("mode"), default))
        elif not source.get("optional"):
            word = "secret" if resource_name == "secrets" else "config"
            raise ConfigError(f"{'configmap ' if word == 'config' else ''}references non-existent {word} key: {key}")


def _fields(source: Object, pod: Object, default: int) -> Iterator[File]:
    default = _mode(source.get("defaultMode"), default)
    for item in source.get("items") or []:
        if "resourceFieldRef" in item:
            reference = item["resourceFieldRef"]
            text = resource(reference, _container(pod, reference.get("containerName") or ""))
        else:
            text = _field(pod, (item.get("fieldRef") or {}).get("fieldPath") or "")
        yield File(item["path"], text.encode(), _mode(item.get("mode"), default))


def _field(pod: Object, path: str) -> str:
    """A field's text; all labels or annotations are lines of ``key="value"``, in order of their keys."""
    if path not in ("metadata.labels", "metadata.annotations"):
        return field(pod, path)
    values = pod["metadata"].get(path.removeprefix("metadata.")) or {}
    return "\n".join(f"{key}={json.dumps(values[key], ensure_ascii=False)}" for key in sorted(values))


def _container(pod: Object, name: str) -> Object:
    for container in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]:
        if container["name"] == name:
            return dict(container)
    raise ConfigError(f'resourceFieldRef: the pod has no container "{name}"')


def _mode(value: int | None, default: int) -> int:
    return default if value is None else value
