"""What a CustomResourceDefinition's schema does to objects: unknown fields go, defaults come, values are checked.

Left out: rules in CEL (``x-kubernetes-validations``) and formats are not evaluated.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/ (structural
schemas); texts as kube-openapi's validation errors.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from local_kubernetes.errors import Cause

Object = dict[str, Any]
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_RESOURCE = ("apiVersion", "kind", "metadata")


def prune(value: Any, schema: Object, path: str = "", *, resource: bool = False) -> tuple[Any, list[str]]:
    """A value without the fields that its schema does not have, and their paths.

    :param resource: the value is an object with metadata of its own.
    """
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        pairs = [prune(item, schema["items"], f"{path}[{at}]") for at, item in enumerate(value)]
        return [item for item, _ in pairs], [name for _, names in pairs for name in names]
    if not isinstance(value, dict):
        return value, []
    resource = resource or bool(schema.get("x-kubernetes-embedded-resource"))
    kept: Object = {}
    unknown: list[str] = []
    for name, inner in value.items():
        where = f"{path}.{name}" if path else name
        below = _below(schema, name)
        if resource and name in _RESOURCE:
            kept[name] = inner
        elif below is None:
            unknown.append(where)
        else:
            kept[name], more = prune(inner, below, where)
            unknown += more
    return kept, unknown


def _below(schema: Object, name: str) -> Object | None:
    """The schema of a field; an empty one where anything goes; None if there is no such field."""
    properties = schema.get("properties") or {}
    if name in properties:
        return dict(properties[name])
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        return dict(additional)
    return {_PRESERVE: True} if schema.get(_PRESERVE) or additional is True else None


def with_defaults(value: Any, schema: Object) -> Any:
    """A value with the schema's defaults where nothing, or a null that may not be, stands."""
    if isinstance(value, list):
        return [with_defaults(item, schema.get("items") or {}) for item in value]
    if not isinstance(value, dict):
        return value
    result = dict(value)
    for name, below in (schema.get("properties") or {}).items():
        if result.get(name) is None and not (name in result and below.get("nullable")):
            result.pop(name, None)
            if "default" in below:
                result[name] = copy.deepcopy(below["default"])
    return {name: with_defaults(inner, _below(schema, name) or {}) for name, inner in result.items()}


def check(obj: Object, schema: Object) -> list[Cause]:
    """What is wrong with an object, field by field."""
    content = {name: value for name, value in obj.items() if name not in _RESOURCE}
    found = _validator(json.dumps(_standard(schema, root=True))).iter_errors(content)
    return [cause for error in sorted(found, key=lambda error: str(error.absolute_path)) for cause in _causes(error)]


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft4Validator  # 0.2 s, and only who has custom resources needs it

    return Draft4Validator(json.loads(schema))


def _standard(schema: Any, *, root: bool = False) -> Any:
    """A structural schema as JSON Schema (draft 4, whose ``exclusiveMinimum`` is a boolean as well)."""
    if isinstance(schema, list):
        return [_standard(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        name: value
        for name, value in schema.items()
        if not name.startswith("x-") and name not in ("nullable", "default", "format", "example", "description")
    }
    for name in ("items", "not", "allOf", "anyOf", "oneOf", "additionalProperties"):
        if name in result:
            result[name] = _standard(result[name])
    if "properties" in result:
        kept = {name: below for name, below in result["properties"].items() if not (root and name in _RESOURCE)}
        result["properties"] = {name: _standard(below) for name, below in kept.items()}
    if root and "required" in result:
        result["required"] = [name for name in result["required"] if name not in _RESOURCE]
        if not result["required"]:
            del result["required"]
    if schema.get("x-kubernetes-int-or-string"):
        result["type"] = ["integer", "string"]
    if schema.get("nullable") and "type" in result:
        result["type"] = ["null", *(result["type"] if isinstance(result["type"], list) else [result["type"]])]
        if "enum" in result:
            result["enum"] = [*result["enum"], None]
    return result


def _causes(error: Any) -> Iterator[Cause]:
    """One finding of the library in the real server's words."""
    path = _path(error.absolute_path)
    shown = f"{path} in body"
    value, limit, rule = error.instance, error.validator_value, error.validator
    if rule == "type":
        names = limit if isinstance(limit, list) else [limit]
        kind = _type(value)
        text = f'{shown} must be of type {",".join(n for n in names if n != "null")}: "{kind}"'
        yield Cause(path, "FieldValueTypeInvalid", f'Invalid value: "{kind}": {text}')
    elif rule == "required":
        for name in limit:
            if name not in value:
                yield Cause(f"{path}.{name}".lstrip("."), "FieldValueRequired", "Required value")
    elif rule == "enum":
        supported = ", ".join(json.dumps(item) for item in limit if item is not None)
        message = f"Unsupported value: {json.dumps(value)}: supported values: {supported}"
        yield Cause(path, "FieldValueNotSupported", message)
    elif rule == "maxLength":
        yield Cause(path, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes")
    elif rule in ("maxItems", "maxProperties"):
        yield Cause(path, "FieldValueTooMany", f"Too many: {len(value)}: must have at most {limit} items")
    else:
        text = _sentence(rule, limit, error.schema, path)
        yield Cause(path or "<nil>", "FieldValueInvalid", f"Invalid value: {json.dumps(value)}: {text}")


def _sentence(rule: str, limit: Any, schema: Object, path: str) -> str:
    strictly = schema.get(f"exclusive{rule.capitalize()}")
    shown = f"{path} in body"
    sentences = {
        "minimum": f"{shown} should be greater than {'' if strictly else 'or equal to '}{limit}",
        "maximum": f"{shown} should be less than {'' if strictly else 'or equal to '}{limit}",
        "minLength": f"{shown} should be at least {limit} chars long",
        "minItems": f"{shown} should have at least {limit} items",
        "minProperties": f"{shown} should have at least {limit} properties",
        "pattern": f"{shown} should match '{limit}'",
        "multipleOf": f"{shown} should be a multiple of {limit}",
        "uniqueItems": f"{shown} shouldn't contain duplicates",
        "anyOf": f'"{path}" must validate at least one schema (anyOf)',
        "oneOf": f'"{path}" must validate one and only one schema (oneOf)',
        "not": f'"{path}" must not validate the schema (not)',
    }
    return sentences.get(rule, f"{shown} does not fit {rule}")


def _path(parts: Any) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    words: dict[type, str] = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return words.get(type(value), "null")
