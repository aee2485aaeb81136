"""Secrets, config maps and service accounts."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from local_kubernetes.errors import Cause, bad_request
from local_kubernetes.names import check_key
from local_kubernetes.resources import Column, Kind

from .columns import age

Object = dict[str, Any]
_NAME = Column("Name", lambda obj: obj["metadata"]["name"], format="name")
_AGE = Column("Age", age)
_LARGEST_BYTES = 1024 * 1024
_JSON = {"kubernetes.io/dockercfg": (".dockercfg",), "kubernetes.io/dockerconfigjson": (".dockerconfigjson",)}
_REQUIRED = {"kubernetes.io/tls": ("tls.crt", "tls.key"), **_JSON}


def _complete_secret(obj: Object) -> Object:
    plain = obj.get("stringData") or {}
    data = {**(obj.get("data") or {}), **{key: _encode(value) for key, value in plain.items()}}
    completed = {name: value for name, value in obj.items() if name not in ("stringData", "data")}
    if data:
        completed["data"] = data
    completed.setdefault("type", "Opaque")
    for value in data.values():
        _decode(value)
    return completed


def _encode(value: Any) -> str:
    return base64.b64encode(str(value).encode()).decode()


def _decode(value: Any) -> bytes:
    try:
        return base64.b64decode(value or "", validate=True)
    except (binascii.Error, TypeError, ValueError) as err:
        raise bad_request(
            'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'
        ) from err


def secret_values(secret: Object) -> dict[str, bytes]:
    """A Secret's values, decoded."""
    return {key: _decode(value) for key, value in (secret.get("data") or {}).items()}


def config_values(config_map: Object) -> dict[str, bytes]:
    """A ConfigMap's values, texts and binary ones."""
    texts = {key: str(value).encode() for key, value in (config_map.get("data") or {}).items()}
    return {**texts, **{key: _decode(value) for key, value in (config_map.get("binaryData") or {}).items()}}


def _check_keys(obj: Object) -> list[Cause]:
    causes = []
    for part, other in (("data", "binaryData"), ("binaryData", "data")):
        for key in obj.get(part) or {}:
            field = f"{part}[{key}]"
            causes += check_key(key, field)
            if key in (obj.get(other) or {}):
                message = f'Invalid value: "{key}": duplicate of key present in {other}'
                causes.append(Cause(field, "FieldValueInvalid", message))
    return causes


def _check_config_map(obj: Object) -> list[Cause]:
    return [*_check_keys(obj), *_check_size(config_values(obj), "")]


def _check_secret(obj: Object) -> list[Cause]:
    return [*_check_keys(obj), *_check_size(secret_values(obj), "data"), *_check_type(obj)]


def _check_size(values: dict[str, bytes], field: str) -> list[Cause]:
    if sum(len(value) for value in values.values()) <= _LARGEST_BYTES:
        return []
    return [Cause(field, "FieldValueTooLong", f"Too long: may not be more than {_LARGEST_BYTES} bytes")]


def _check_type(secret: Object) -> list[Cause]:
    """What a Secret of a known type must hold.

    Source: https://kubernetes.io/docs/concepts/configuration/secret/#secret-types
    """
    data, kind = secret.get("data") or {}, secret["type"]
    if kind == "kubernetes.io/service-account-token":
        name = "kubernetes.io/service-account.name"
        named = (secret["metadata"].get("annotations") or {}).get(name)
        return [] if named else [_missing(f"metadata.annotations[{name}]")]
    if kind == "kubernetes.io/basic-auth":
        fields = ("username", "password")
        return [] if any(field in data for field in fields) else [_missing(f"data[{field}]") for field in fields]
    if kind == "kubernetes.io/ssh-auth":
        return [] if data.get("ssh-privatekey") else [_missing("data[ssh-privatekey]")]
    missing = [_missing(f"data[{field}]") for field in _REQUIRED.get(kind, ()) if field not in data]
    return missing or [cause for field in _JSON.get(kind, ()) for cause in _check_json(secret_values(secret), field)]


def _missing(field: str) -> Cause:
    return Cause(field, "FieldValueRequired", "Required value")


def _check_json(values: dict[str, bytes], field: str) -> list[Cause]:
    try:
        if isinstance(json.loads(values[field]), dict):
            return []
        why = "json: cannot unmarshal into Go value of type map[string]interface {}"
    except ValueError as err:
        why = str(err)
    return [Cause(f"data[{field}]", "FieldValueInvalid", f'Invalid value: "<secret contents redacted>": {why}')]


def _check_secret_update(before: Object, after: Object) -> list[Cause]:
    causes = _check_immutable(before, after)
    if before.get("type") != after.get("type"):
        message = f'Invalid value: "{after.get("type")}": field is immutable'
        causes.append(Cause("type", "FieldValueInvalid", message))
    return causes


def _check_immutable(before: Object, after: Object) -> list[Cause]:
    if not before.get("immutable"):
        return []
    changed = [part for part in ("data", "binaryData") if before.get(part) != after.get(part)]
    if not after.get("immutable"):
        changed.insert(0, "immutable")
    message = "Forbidden: field is immutable when `immutable` is set"
    return [Cause(part, "FieldValueForbidden", message) for part in changed]


def _size(obj: Object) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


SECRET = Kind(
    plural="secrets",
    kind="Secret",
    singular="secret",
    fields=frozenset({"type"}),
    columns=(_NAME, Column("Type", lambda obj: obj.get("type", "")), Column("Data", _size), _AGE),
    complete=_complete_secret,
    check=_check_secret,
    check_update=_check_secret_update,
)
CONFIG_MAP = Kind(
    plural="configmaps",
    kind="ConfigMap",
    singular="configmap",
    short_names=("cm",),
    columns=(_NAME, Column("Data", _size), _AGE),
    check=_check_config_map,
    check_update=_check_immutable,
)
SERVICE_ACCOUNT = Kind(
    plural="serviceaccounts",
    kind="ServiceAccount",
    singular="serviceaccount",
    short_names=("sa",),
    columns=(_NAME, Column("Secrets", lambda obj: len(obj.get("secrets") or [])), _AGE),
    subresources=("token",),
    returns_status_when_deleted=False,
)
KINDS = (SECRET, CONFIG_MAP, SERVICE_ACCOUNT)
