"""Server-side apply: which manager applied which fields, kept in ``metadata.managedFields``.

Simplified: only what was applied is recorded; plain updates own nothing, so a conflict is always with another applier.
Lists of custom resources are replaced as a whole.

Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/ and structured-merge-diff (FieldsV1).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from kubernetes_values import Field, Message, message

from . import clock
from .errors import ApiError

Object = dict[str, Any]
Path = tuple[str, ...]
_IDENTITY = frozenset({("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name"), ("f:metadata", "f:namespace")})
_DEFAULTS = {"protocol": "TCP"}  # keys of lists that have a default


def paths(value: Object, kind: str | None) -> set[Path]:
    """What an applied object names: fields by ``f:NAME``, a list's items by ``k:{…}`` or ``v:…``.

    :param kind: its message in the table; None: a custom resource.
    """
    return set(_paths(value, message(kind) if kind else None, ())) - _IDENTITY


def _paths(value: Object, kind: Message | None, path: Path) -> Iterator[Path]:
    for name, inner in value.items():
        field = kind.fields.get(name) if kind else None
        if inner is None or (kind is not None and field is None):
            continue
        yield from _below(inner, field, (*path, f"f:{name}"))


def _below(value: Any, field: Field | None, path: Path) -> Iterator[Path]:
    if isinstance(value, dict) and value and not _is_atomic(field):
        yield from _paths(value, _inner(field), path)
    elif isinstance(value, list) and value and field is not None and (field.keys or "set" in field.flags):
        for item in value:
            yield (*path, _item(item, field))
            if field.keys:
                yield from _paths(item, _inner(field), (*path, _item(item, field)))
    else:
        yield path


def _is_atomic(field: Field | None) -> bool:
    return field is not None and ("atomic" in field.flags or field.base in ("RawExtension", "Any"))


def _inner(field: Field | None) -> Message | None:
    """The type of the fields below; None where names are data."""
    return message(field.base) if field is not None and field.is_message and not field.shape.startswith("{}") else None


def _item(item: Any, field: Field) -> str:
    if not field.keys:
        return f"v:{json.dumps(item)}"
    key = {name: item.get(name, _DEFAULTS.get(name)) for name in sorted(field.keys)}
    return f"k:{json.dumps({name: value for name, value in key.items() if value is not None}, separators=(',', ':'))}"


def merged(live: Any, applied: Object, kind: str | None) -> Object:
    """What is there with what is applied laid over it."""
    return _merge(live, applied, message(kind) if kind else None)


def _merge(live: Any, applied: Object, kind: Message | None) -> Object:
    result = dict(live) if isinstance(live, dict) else {}
    for name, value in applied.items():
        field = kind.fields.get(name) if kind else None
        if value is None:
            continue
        if isinstance(value, dict) and not _is_atomic(field):
            result[name] = _merge(result.get(name), value, _inner(field))
        elif isinstance(value, list) and field is not None and (field.keys or "set" in field.flags):
            result[name] = _merge_list(result.get(name) or [], value, field)
        else:
            result[name] = copy.deepcopy(value)
    return result


def _merge_list(live: list[Any], applied: list[Any], field: Field) -> list[Any]:
    by_key = {_item(item, field): item for item in live}
    for item in applied:
        key = _item(item, field)
        by_key[key] = _merge(by_key.get(key), item, _inner(field)) if field.keys else item
    return list(by_key.values())


def without(obj: Object, gone: set[Path], kept: set[Path], kind: str | None) -> Object:
    """An object without the fields that nobody applies any more.

    :param kept: what others still apply; an item of a list stays as long as one of its fields is among these.
    """
    result = copy.deepcopy(obj)
    for path in sorted(gone, key=len):
        if not any(other[: len(path)] == path for other in kept):
            _remove(result, path, message(kind) if kind else None)
    return result


def _remove(value: Any, path: Path, kind: Message | None) -> None:
    name = path[0].removeprefix("f:")
    field = kind.fields.get(name) if kind else None
    if not isinstance(value, dict) or name not in value:
        return
    if len(path) == 1:
        del value[name]
    elif field is not None and path[1][:2] in ("k:", "v:"):
        at = next((at for at, item in enumerate(value[name]) if _item(item, field) == path[1]), None)
        if at is not None and len(path) == 2:
            del value[name][at]
        elif at is not None:
            _remove(value[name][at], path[2:], _inner(field))
    else:
        _remove(value[name], path[1:], _inner(field))


def conflicts(live: Object, after: Object, mine: set[Path], entries: list[Object]) -> dict[str, list[Path]]:
    """The fields that other managers applied with another value, by manager."""
    found = {}
    for entry in entries:
        theirs = read(entry["fieldsV1"]) & mine
        differing = [path for path in sorted(theirs) if _at(live, path) != _at(after, path)]
        if differing:
            found[str(entry["manager"])] = differing
    return found


def _at(value: Any, path: Path) -> Any:
    for step in path:
        if step.startswith("f:"):
            value = value.get(step[2:]) if isinstance(value, dict) else None
        elif step.startswith("k:"):
            key = json.loads(step[2:])
            items = value if isinstance(value, list) else []
            value = next((i for i in items if all(i.get(k, _DEFAULTS.get(k)) == v for k, v in key.items())), None)
        else:
            return json.loads(step[2:]) in (value or [])
    return None if path[-1].startswith("k:") else value


def refuse(found: dict[str, list[Path]]) -> ApiError:
    """409: somebody else applied these fields."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{manager}"', "field": shown(path)}
        for manager, differing in found.items()
        for path in differing
    ]
    count = f"{len(causes)} conflict{'' if len(causes) == 1 else 's'}"
    if len(causes) == 1:
        listed = f"{causes[0]['message']}: {causes[0]['field']}"
    else:
        groups = (f'conflicts with "{name}":\n' + "\n".join(f"- {shown(p)}" for p in ps) for name, ps in found.items())
        listed = "\n".join(groups)
    return ApiError(409, "Conflict", f"Apply failed with {count}: {listed}", {"causes": causes})


def shown(path: Path) -> str:
    """A path as messages write it: ``.spec.containers[name="c"].image``."""
    text = ""
    for step in path:
        if step.startswith("k:"):
            inside = ",".join(f"{name}={json.dumps(value)}" for name, value in json.loads(step[2:]).items())
            text += f"[{inside}]"
        else:
            text += f".{step[2:]}" if step.startswith("f:") else f"[={step[2:]}]"
    return text


def entry(manager: str, api_version: str, subresource: str, mine: set[Path]) -> Object:
    """A manager's line in ``managedFields``."""
    made: Object = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": api_version,
        "time": clock.now(),
        "fieldsType": "FieldsV1",
        "fieldsV1": written(mine),
    }
    return {**made, "subresource": subresource} if subresource else made


def written(mine: set[Path]) -> Object:
    """Paths as FieldsV1 nests them; an item of a list is there itself as ``.``."""
    root: Object = {}
    for path in sorted(mine):
        place = root
        for step in path:
            place = place.setdefault(step, {})
    for path in mine:
        if path[-1].startswith("k:"):
            place = root
            for step in path:
                place = place[step]
            place["."] = {}
    return root


def read(fields: Object) -> set[Path]:
    """The paths that FieldsV1 nests."""
    return set(_read(fields, ()))


def _read(fields: Object, path: Path) -> Iterator[Path]:
    if not fields and path:
        yield path
    for step, below in fields.items():
        if step == ".":
            yield path
        else:
            yield from _read(below, (*path, step))
