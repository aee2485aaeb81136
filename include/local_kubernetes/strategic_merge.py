"""Strategic merge patches: as merge patches, but the table of fields says which lists are merged, and by what key.

Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from __future__ import annotations

import copy
from typing import Any

from kubernetes_values import Field, Message, message

from .errors import bad_request

Object = dict[str, Any]
_DELETE_FROM = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def strategic(target: Any, patch: Any, kind: str) -> Any:
    """A strategic merge patch applied.

    :param kind: the message that the object is, such as ``core.Pod``.
    :raises ApiError: 400, an item of a list that is merged lacks its key.
    """
    return _merge(target, patch, message(kind))


def _merge(target: Any, patch: Any, kind: Message | None) -> Any:
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
        _apply(result, name, value, kind)
    for name, value in patch.items():
        if name.startswith(_ORDER):
            _order(result, name.removeprefix(_ORDER), value, kind)
    return result


def _apply(result: Object, name: str, value: Any, kind: Message | None) -> None:
    if name.startswith(_DELETE_FROM):
        field = name.removeprefix(_DELETE_FROM)
        result[field] = [item for item in result.get(field) or [] if item not in value]
    elif name.startswith("$"):
        return
    elif value is None:
        result.pop(name, None)
    elif isinstance(value, list):
        result[name] = _merge_lists(_field(kind, name), result.get(name), value)
    else:
        result[name] = _merge(result.get(name), value, _below(_field(kind, name)))


def _field(kind: Message | None, name: str) -> Field | None:
    return None if kind is None else kind.fields.get(name)


def _below(field: Field | None) -> Message | None:
    """The type of what a field holds, or of each item; None where the keys are data."""
    return message(field.base) if field is not None and field.is_message and field.shape != "{}" else None


def _merge_lists(field: Field | None, target: Any, patch: list[Any]) -> list[Any]:
    current: list[Any] = list(target) if isinstance(target, list) else []
    if field is not None and "merge" in field.flags:
        return [*current, *(item for item in patch if item not in current)]
    if field is None or not field.merge_key or not all(isinstance(item, dict) for item in patch):
        return copy.deepcopy(patch)
    key, kind = field.merge_key, _below(field)
    for item in patch:
        if item.get("$patch") == "replace":
            return copy.deepcopy([other for other in patch if "$patch" not in other])
        if key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        position = next((at for at, other in enumerate(current) if other.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            current = [other for other in current if other.get(key) != item[key]]
        elif position is None:
            current.append(_merge({}, item, kind))
        else:
            current[position] = _merge(current[position], item, kind)
    return current


def _order(result: Object, name: str, wanted: list[Any], kind: Message | None) -> None:
    """Put a list's items into the order the client named; those it did not name come last."""
    items, field = result.get(name), _field(kind, name)
    if not isinstance(items, list) or field is None:
        return
    key = field.merge_key
    order = [item.get(key) if key and isinstance(item, dict) else item for item in wanted]

    def position(item: Any) -> int:
        own = item.get(key) if key and isinstance(item, dict) else item
        return order.index(own) if own in order else len(order)

    result[name] = sorted(items, key=position)
