"""Custom resources: a kind for each served version of a CustomResourceDefinition."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from local_kubernetes.resources import Column, Kind, Registry
from local_kubernetes.store import Change, Store

from . import custom_schema
from .columns import age, since
from .custom_definition import DEFINITION

Object = dict[str, Any]
_STEP = re.compile(
    r"\.?(?:(?P<name>[\w\-$]+)|\['(?P<quoted>[^']+)'\]|\[(?P<index>\d+|\*)\]"
    r"|\[\?\(@\.(?P<key>[\w.\-]+)\s*==\s*['\"](?P<value>[^'\"]*)['\"]\)\])"
)
_NAME = Column("Name", lambda obj: obj["metadata"]["name"], format="name")
_AGE = Column("Age", age, "date")


def kinds_of(definition: Object) -> list[Kind]:
    """The kinds that a definition brings; the one that objects are stored as comes first."""
    versions = definition["spec"]["versions"]
    ordered = sorted(versions, key=lambda version: not version.get("storage"))
    return [_kind(definition["spec"], version) for version in ordered if version.get("served")]


def _kind(spec: Object, version: Object) -> Kind:
    names, schema = spec["names"], version["schema"]["openAPIV3Schema"]
    parts = version.get("subresources") or {}
    scale = parts.get("scale") or {}
    paths = tuple(str(scale.get(name, "")).lstrip(".") for name in _SCALE_PATHS)
    has_status = "status" in parts

    def complete(obj: Object) -> Object:
        content = {name: value for name, value in obj.items() if name != "status" or not has_status}
        return dict(custom_schema.with_defaults(content, schema))

    return Kind(
        plural=names["plural"],
        kind=names["kind"],
        list_kind=names["listKind"],
        singular=names["singular"],
        group=spec["group"],
        version=version["name"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(part for part in ("scale", "status") if part in parts),
        scale_paths=(paths[0], paths[1], paths[2]),
        fields=frozenset(entry["jsonPath"].lstrip(".") for entry in version.get("selectableFields") or []),
        columns=_columns(version.get("additionalPrinterColumns")),
        counts_generations=True,
        complete=complete,
        check=lambda obj: custom_schema.check(obj, schema),
        prune=lambda obj: custom_schema.prune(obj, schema, resource=True),
        schema=schema,
    )


_SCALE_PATHS = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")


def _columns(listed: list[Object] | None) -> tuple[Column, ...]:
    if not listed:
        return (_NAME, _AGE)
    more = [
        Column(entry["name"], _cell(entry), entry["type"], entry.get("priority", 0), entry.get("format", ""))
        for entry in listed
    ]
    return (_NAME, *more)


def _cell(column: Object) -> Callable[[Object], Any]:
    steps = [match.groupdict() for match in _STEP.finditer(column["jsonPath"])]

    def value(obj: Object) -> Any:
        found = next(_walk(obj, steps), None)
        if column["type"] == "date":
            return since(found) if isinstance(found, str) else None
        if column["type"] != "string" or found is None:
            return found
        return found if isinstance(found, str) else json.dumps(found, separators=(",", ":"))

    return value


def _walk(value: Any, steps: list[dict[str, str | None]]) -> Iterator[Any]:
    """The values below a simple JSONPath."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    name, index, key = step["name"] or step["quoted"], step["index"], step["key"]
    if name is not None:
        if isinstance(value, dict) and name in value:
            yield from _walk(value[name], rest)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            if index in ("*", str(at)) or (key and isinstance(item, dict) and str(item.get(key)) == step["value"]):
                yield from _walk(item, rest)


class CustomKinds:
    """Keeps the registry in step with the definitions in the store, from the moment they are stored."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._registry = registry
        for definition in store.objects(DEFINITION.resource):
            self._add(definition)
        store.listen(self._changed)

    def _changed(self, change: Change) -> None:
        if change.key.resource != DEFINITION.resource:
            return
        if change.before is not None:
            before = change.before["spec"]
            self._registry.remove_custom(before["group"], before["names"]["plural"])
        if change.type != "DELETED":
            self._add(change.object)

    def _add(self, definition: Object) -> None:
        for kind in kinds_of(definition):
            known = self._registry.find(kind.group, kind.version, kind.plural)
            if known is None or known.prune is not None:  # what the server brings itself cannot be replaced
                self._registry.add(kind)
