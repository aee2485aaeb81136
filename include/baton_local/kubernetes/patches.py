"""The three ways to change an object in part: JSON patch, merge patch, strategic merge patch.

Source: RFC 6902, RFC 7386, and
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from __future__ import annotations

import copy
from typing import Any

from .errors import ApiError, bad_request

# The key by which a list's items are told apart, by the list's name. Lists not named here are replaced as a whole.
MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "port"),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "secrets": ("name",),
}
_PRIMITIVE_SETS = frozenset({"finalizers"})


def merge(target: Any, patch: Any) -> Any:
    """A merge patch applied (RFC 7386): null removes, lists are replaced."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def strategic(target: Any, patch: Any) -> Any:
    """A strategic merge patch applied: as a merge patch, but lists of named items are merged by their key.

    :raises ApiError: 400, an item of such a list lacks its key.
    """
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return copy.deepcopy({name: value for name, value in patch.items() if name != "$patch"})
    if directive == "delete":
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    kept = patch.get("$retainKeys")
    if kept is not None:
        result = {name: value for name, value in result.items() if name in kept}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            result[field] = [item for item in result.get(field) or [] if item not in value]
        elif name.startswith("$"):
            continue
        elif value is None:
            result.pop(name, None)
        elif isinstance(value, list):
            result[name] = _merge_lists(name, result.get(name), value)
        else:
            result[name] = strategic(result.get(name), value)
    return result


def _merge_lists(name: str, target: Any, patch: list[Any]) -> list[Any]:
    current: list[Any] = list(target) if isinstance(target, list) else []
    if name in _PRIMITIVE_SETS:
        return [*current, *(item for item in patch if item not in current)]
    key = _merge_key(name, patch)
    if key is None:
        return copy.deepcopy(patch)
    for item in patch:
        if item.get("$patch") == "replace":
            return copy.deepcopy([other for other in patch if "$patch" not in other])
        if key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        position = next((at for at, other in enumerate(current) if other.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            current = [other for other in current if other.get(key) != item[key]]
        elif position is None:
            current.append(strategic({}, item))
        else:
            current[position] = strategic(current[position], item)
    return current


def _merge_key(name: str, patch: list[Any]) -> str | None:
    keys = MERGE_KEYS.get(name)
    if keys is None or not all(isinstance(item, dict) for item in patch):
        return None
    return next((key for key in keys if any(key in item for item in patch)), keys[0])


def json_patch(target: Any, operations: Any) -> Any:
    """A JSON patch applied (RFC 6902), all of it or nothing.

    :raises ApiError: 400, not a patch; 422, a path is missing or a test fails.
    """
    if not isinstance(operations, list):
        raise bad_request("the body of a JSON patch must be a list of operations")
    document = {"": copy.deepcopy(target)}
    for operation in operations:
        try:
            _apply(document, operation)
        except (KeyError, IndexError, TypeError, ValueError) as err:
            raise _refused() from err
    return document[""]


def _apply(document: dict[str, Any], operation: dict[str, Any]) -> None:
    action, path = operation["op"], operation["path"]
    if action == "test":
        if _read(document, path) != operation["value"]:
            raise _refused()
    elif action == "add":
        _insert(document, path, copy.deepcopy(operation["value"]))
    elif action == "replace":
        _read(document, path)
        _take(document, path)
        _insert(document, path, copy.deepcopy(operation["value"]))
    elif action == "remove":
        _take(document, path)
    elif action == "move":
        _insert(document, path, _take(document, operation["from"]))
    elif action == "copy":
        _insert(document, path, copy.deepcopy(_read(document, operation["from"])))
    else:
        raise bad_request(f"Unexpected kind: {action}")


def _refused() -> ApiError:
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def _steps(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError(path)
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]


def _parent(document: dict[str, Any], path: str) -> tuple[Any, str]:
    *way, last = _steps(path)
    place: Any = document
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    return place, last


def _read(document: dict[str, Any], path: str) -> Any:
    place, last = _parent(document, path)
    return place[int(last)] if isinstance(place, list) else place[last]


def _take(document: dict[str, Any], path: str) -> Any:
    place, last = _parent(document, path)
    return place.pop(int(last)) if isinstance(place, list) else place.pop(last)


def _insert(document: dict[str, Any], path: str, value: Any) -> None:
    place, last = _parent(document, path)
    if not isinstance(place, list):
        place[last] = value
    elif last == "-":
        place.append(value)
    else:
        position = int(last)
        if not 0 <= position <= len(place):
            raise IndexError(last)
        place.insert(position, value)
