"""OpenAPI schemas of the messages in the table: types, references and how lists are merged; no prose.

Source: https://github.com/kubernetes/kube-openapi (the ``x-kubernetes-`` extensions).
"""

from __future__ import annotations

from typing import Any

from kubernetes_values import Field, message

Object = dict[str, Any]
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_PREFIXES = {
    "meta": _META,
    "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.",
}
_SCALARS: dict[str, Object] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "uint32": {"type": "integer", "format": "int64"},
    "float64": {"type": "number", "format": "double"},
    "bytes": {"type": "string", "format": "byte"},
    "Time": {"type": "string", "format": "date-time"},
    "MicroTime": {"type": "string", "format": "date-time"},
    "Duration": {"type": "string"},
    "Quantity": {"type": "string"},
    "IntOrString": {"type": "string", "format": "int-or-string"},
    "RawExtension": {"type": "object"},
    "Any": {"type": "object"},
}


def component(name: str) -> str:
    """A message's name among the components: ``io.k8s.api.core.v1.Pod``."""
    package, _, base = name.partition(".")
    return f"{_PREFIXES.get(package, f'io.k8s.api.{package}.v1.')}{base}"


def reference(name: str) -> Object:
    """A reference to a message."""
    return {"$ref": f"#/components/schemas/{component(name)}"}


def schemas(roots: list[str]) -> dict[str, Object]:
    """The schemas of messages and of all that they lead to, by component name."""
    found: dict[str, Object] = {}
    open_ends = list(roots)
    while open_ends:
        name = open_ends.pop()
        if component(name) in found:
            continue
        fields = message(name).fields
        found[component(name)] = _schema(fields)
        open_ends += [one.base for one in fields.values() if one.is_message]
    return found


def _schema(fields: dict[str, Field]) -> Object:
    schema: Object = {"type": "object", "properties": {name: _property(one) for name, one in fields.items()}}
    required = [name for name, one in fields.items() if "always" in one.flags]
    return {**schema, "required": required} if required else schema


def _property(one: Field) -> Object:
    return {**_shaped(one, one.shape), **_extensions(one)}


def _shaped(one: Field, shape: str) -> Object:
    if shape.startswith("[]"):
        return {"type": "array", "items": _shaped(one, shape[2:])}
    if shape.startswith("{}"):
        return {"type": "object", "additionalProperties": _shaped(one, shape[2:])}
    return reference(one.base) if one.is_message else dict(_SCALARS[one.base])


def _extensions(one: Field) -> Object:
    extensions: Object = {}
    strategies: list[str] = [word for word in ("retainKeys", "replace") if word in one.flags]
    if one.merge_key or "merge" in one.flags:
        strategies.insert(0, "merge")
    if strategies:
        extensions["x-kubernetes-patch-strategy"] = ",".join(strategies)
    if one.merge_key:
        extensions["x-kubernetes-patch-merge-key"] = one.merge_key
    if one.keys:
        extensions |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(one.keys)}
    elif one.shape.startswith("[]") and one.flags & {"set", "atomic"}:
        extensions["x-kubernetes-list-type"] = "set" if "set" in one.flags else "atomic"
    elif "atomic" in one.flags:
        extensions["x-kubernetes-map-type"] = "atomic"
    return extensions
