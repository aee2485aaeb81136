"""Two ways to change an object in part that need to know nothing of its type: JSON patch and merge patch.

Why not the library `jsonpatch`: it is stricter than kube-apiserver, whose own library (evanphx/json-patch) takes
negative positions, leading zeros and a `~` that escapes nothing, and for which null is equal to what is missing.

Source: RFC 6902, RFC 7386, https://github.com/evanphx/json-patch (v4).
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from .errors import ApiError, bad_request


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
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as err:
            raise _refused() from err
    return document[""]


def _apply(document: dict[str, Any], operation: dict[str, Any]) -> None:
    action, path = operation["op"], operation["path"]
    if action == "test":
        if not _is_same(_read_if_there(document, path), operation.get("value")):
            raise _refused()
    elif action == "add":
        _insert(document, path, copy.deepcopy(operation["value"]))
    elif action == "replace":
        _replace(document, path, copy.deepcopy(operation["value"]))
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


def _is_same(one: Any, other: Any) -> bool:
    """Equal as JSON, in which true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _steps(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError(path)
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]


def _parent(document: dict[str, Any], path: str) -> tuple[Any, str]:
    *way, last = _steps(path)
    place: Any = document
    for step in way:
        place = place[_position(step, len(place))] if isinstance(place, list) else place[step]
    return place, last


def _position(step: str, length: int) -> int:
    """The position in a list of this length; a negative one counts from the end."""
    position = int(step) if re.fullmatch("[+-]?[0-9]{1,18}", step) else length
    if not -length <= position < length:
        raise IndexError(step)
    return position % length


def _read(document: dict[str, Any], path: str) -> Any:
    place, last = _parent(document, path)
    return place[_position(last, len(place))] if isinstance(place, list) else place[last]


def _read_if_there(document: dict[str, Any], path: str) -> Any:
    """What is there, or None for a field that its object does not have."""
    place, last = _parent(document, path)
    return place.get(last) if isinstance(place, dict) else _read(document, path)


def _take(document: dict[str, Any], path: str) -> Any:
    if not path:
        raise KeyError(path)  # the whole object cannot be taken out of itself
    place, last = _parent(document, path)
    return place.pop(_position(last, len(place))) if isinstance(place, list) else place.pop(last)


def _insert(document: dict[str, Any], path: str, value: Any) -> None:
    place, last = _parent(document, path)
    if not isinstance(place, list):
        place[last] = value
    elif last == "-":
        place.append(value)
    else:
        place.insert(_position(last, len(place) + 1), value)


def _replace(document: dict[str, Any], path: str, value: Any) -> None:
    _read(document, path)
    place, last = _parent(document, path)
    place[_position(last, len(place)) if isinstance(place, list) else last] = value
