"""What can be wrong with a pod's volumes, and which kinds of them are not there."""

from __future__ import annotations

from typing import Any

from local_kubernetes.errors import Cause, not_implemented
from local_kubernetes.names import check_label

Object = dict[str, Any]
SOURCES = ("emptyDir", "secret", "configMap", "downwardAPI", "projected", "persistentVolumeClaim", "hostPath")
_PROJECTED = ("secret", "configMap", "downwardAPI", "serviceAccountToken")
_NOT_HERE = {
    "ephemeral": "make a PersistentVolumeClaim of its own, or use an emptyDir",
}


def check_volumes(volumes: list[Object], field: str) -> list[Cause]:
    """What is wrong with the volumes of the spec that stands at ``field``.

    :raises ApiError: 501, there is no such volume here; the message says what to use.
    """
    causes = []
    seen: set[str] = set()
    for position, volume in enumerate(volumes):
        where = f"{field}.volumes[{position}]"
        name = volume.get("name") or ""
        causes += check_label(name, f"{where}.name") if name else [_required(f"{where}.name")]
        if name in seen:
            causes.append(Cause(f"{where}.name", "FieldValueDuplicate", f'Duplicate value: "{name}"'))
        seen.add(name)
        causes += _check_source(volume, where)
    return causes


def _check_source(volume: Object, where: str) -> list[Cause]:
    sources = [source for source in volume if source != "name" and volume[source] is not None]
    _refuse_unknown(sources, SOURCES, f'volume "{volume.get("name")}"')
    causes = [
        Cause(f"{where}.{source}", "FieldValueForbidden", "Forbidden: may not specify more than 1 volume type")
        for source in sources[1:]
    ]
    source, content = sources[0], volume[sources[0]] or {}
    if source == "projected":
        causes += _check_mode(content.get("defaultMode"), f"{where}.projected.defaultMode")
        for position, part in enumerate(content.get("sources") or []):
            _refuse_unknown(list(part), _PROJECTED, f'volume "{volume.get("name")}": projected')
            for name in part:
                causes += _check_files(part[name] or {}, f"{where}.projected.sources[{position}].{name}")
    elif source in _PROJECTED:
        causes += _check_files(content, f"{where}.{source}")
    elif source == "persistentVolumeClaim" and not content.get("claimName"):
        causes.append(_required(f"{where}.persistentVolumeClaim.claimName"))
    return causes


def _refuse_unknown(found: list[str], known: tuple[str, ...], title: str) -> None:
    for source in found:
        if source not in known:
            advice = _NOT_HERE.get(source, f"{', '.join(known)} are")
            raise not_implemented(f"{title}: {source} is not supported by this local server ({advice})")


def _check_files(source: Object, field: str) -> list[Cause]:
    causes = _check_mode(source.get("defaultMode"), f"{field}.defaultMode")
    for position, item in enumerate(source.get("items") or []):
        where = f"{field}.items[{position}]"
        if "fieldRef" not in item and "resourceFieldRef" not in item and not item.get("key"):
            causes.append(_required(f"{where}.key"))
        causes += check_path(item.get("path") or "", f"{where}.path")
        causes += _check_mode(item.get("mode"), f"{where}.mode")
    return causes


def check_path(path: str, field: str, *, needed: bool = True) -> list[Cause]:
    """What is wrong with a path that has to stay below a volume."""
    if not path:
        return [_required(field)] if needed else []
    if path.startswith("/"):
        return [Cause(field, "FieldValueInvalid", f'Invalid value: "{path}": must be a relative path')]
    if ".." in path.split("/"):
        return [Cause(field, "FieldValueInvalid", f"Invalid value: \"{path}\": must not contain '..'")]
    return []


def _check_mode(mode: Any, field: str) -> list[Cause]:
    if mode is None or (isinstance(mode, int) and 0 <= mode <= 0o777):
        return []
    message = f"Invalid value: {mode}: must be a number between 0 and 0777 (octal), both inclusive"
    return [Cause(field, "FieldValueInvalid", message)]


def _required(field: str, message: str = "") -> Cause:
    return Cause(field, "FieldValueRequired", f"Required value: {message}" if message else "Required value")
