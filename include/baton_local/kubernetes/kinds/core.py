"""Secrets, config maps and service accounts."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from baton_local.kubernetes.errors import Cause, bad_request
from baton_local.kubernetes.names import check_key
from baton_local.kubernetes.resources import Column, Kind

from .columns import age

Object = dict[str, Any]
_NAME = Column("Name", lambda obj: obj["metadata"]["name"], format="name")
_AGE = Column("Age", age)


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
    for part in ("data", "binaryData"):
        for key in obj.get(part) or {}:
            causes += check_key(key, f"{part}[{key}]")
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
    check=_check_keys,
    check_update=_check_immutable,
)
CONFIG_MAP = Kind(
    plural="configmaps",
    kind="ConfigMap",
    singular="configmap",
    short_names=("cm",),
    columns=(_NAME, Column("Data", _size), _AGE),
    check=_check_keys,
    check_update=_check_immutable,
)
SERVICE_ACCOUNT = Kind(
    plural="serviceaccounts",
    kind="ServiceAccount",
    singular="serviceaccount",
    short_names=("sa",),
    columns=(_NAME, Column("Secrets", lambda obj: len(obj.get("secrets") or [])), _AGE),
    returns_status_when_deleted=False,
)
KINDS = (SECRET, CONFIG_MAP, SERVICE_ACCOUNT)
