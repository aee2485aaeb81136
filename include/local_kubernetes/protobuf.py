"""Bodies in protobuf, as kubectl's generators send them (``create job --from``, ``create secret``), turned into JSON.

A body is ``k8s\\0`` and a ``runtime.Unknown`` that names the kind and holds the object; the table of fields says what
its numbers mean. Only reading: answers are JSON, which every client accepts.

Source: https://protobuf.dev/programming-guides/encoding/ and apimachinery's pkg/runtime/serializer/protobuf.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kubernetes_values import Field, message, message_name

from .errors import bad_request

Object = dict[str, Any]
MAGIC = b"k8s\x00"
CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_Wire = int | bytes


def decode(raw: bytes) -> Object:
    """The object in a body, as JSON would have it.

    :raises ApiError: 400, it is damaged or of a kind that the table does not have.
    """
    if not raw.startswith(MAGIC):
        raise bad_request("the body is no protobuf of Kubernetes: it does not start with k8s\\x00")
    try:
        unknown = dict(_pairs(raw[len(MAGIC) :]))
        kind = {number: _text(value) for number, value in _pairs(_bytes(unknown.get(1, b"")))}
        api_version, name = kind.get(1, ""), kind.get(2, "")
        described = message_name(api_version.rpartition("/")[0], name)
        if described is None:
            raise bad_request(f"this local server does not read {api_version} {name} as protobuf; send JSON")
        body = _message(described, _bytes(unknown.get(2, b"")))
    except (ValueError, IndexError, TypeError, OverflowError, RecursionError, struct.error) as err:
        raise bad_request(f"the body is no valid protobuf: {err}") from err
    return {"apiVersion": api_version, "kind": name, **body}


def _pairs(raw: bytes) -> Iterator[tuple[int, _Wire]]:
    """Field numbers with their values as they are on the wire."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(raw, at)
            yield number, value
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            yield number, raw[at : at + size]
            at += size
        elif wire == 2:
            size, at = _varint(raw, at)
            if at + size > len(raw):
                raise ValueError("unexpected EOF")
            yield number, raw[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {wire}")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = raw[at]
        result |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return result, at
        if shift > 63:
            raise ValueError("integer overflow")


def _bytes(value: _Wire) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError(f"{value} where a length-delimited value belongs")
    return value


def _text(value: _Wire) -> str:
    return _bytes(value).decode()


def _signed(value: _Wire) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes where an integer belongs")
    return value - (1 << 64) if value >= 1 << 63 else value


def _message(name: str, raw: bytes) -> Object:
    own = message(name).own
    result: Object = {}
    for number, value in _pairs(raw):
        one = own.get(number)
        if one is None:
            continue  # a field of a later release
        if one.name == "-":
            result |= _message(one.base, _bytes(value))
        elif one.shape.startswith("[]"):
            result.setdefault(one.name, []).append(_value(one, value))
        elif one.shape:
            key, inner = _entry(one, _bytes(value))
            result.setdefault(one.name, {})[key] = inner
        else:
            result[one.name] = _value(one, value)
    return result


def _entry(one: Field, raw: bytes) -> tuple[str, Any]:
    """One entry of a map; a list inside a map is a message with the items in field 1."""
    parts = dict(_pairs(raw))
    key = _text(parts.get(1, b""))
    if one.shape != "{}":
        return key, [_value(one, item) for number, item in _pairs(_bytes(parts.get(2, b""))) if number == 1]
    default: _Wire = 0 if one.base in ("bool", "int32", "int64", "uint32") else b""
    return key, _value(one, parts.get(2, default))


def _value(one: Field, value: _Wire) -> Any:
    if one.is_message:
        return _message(one.base, _bytes(value))
    if one.base == "string":
        return _text(value)
    if one.base == "bool":
        return bool(value)
    if one.base in ("int32", "int64", "uint32"):
        return _signed(value)
    if one.base == "float64":
        return struct.unpack("<d", _bytes(value))[0]
    if one.base == "bytes":
        return base64.b64encode(_bytes(value)).decode()
    return _special(one.base, dict(_pairs(_bytes(value))))


def _special(base: str, parts: dict[int, _Wire]) -> Any:
    """The types that have a form of their own in JSON."""
    if base == "Quantity":
        return _text(parts.get(1, b""))
    if base == "IntOrString":
        return _text(parts.get(3, b"")) if parts.get(1) else _signed(parts.get(2, 0))
    if base in ("Time", "MicroTime"):
        return _time(parts, micro=base == "MicroTime")
    if base == "Duration":
        return f"{_signed(parts.get(1, 0)) / 1e9:g}s"
    raw = _bytes(parts.get(1, b""))
    return json.loads(raw) if raw else None


def _time(parts: dict[int, _Wire], *, micro: bool) -> str | None:
    if not parts:
        return None  # Go's zero time
    moment = datetime.fromtimestamp(_signed(parts.get(1, 0)), UTC)
    if not micro:
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment.replace(microsecond=_signed(parts.get(2, 0)) // 1000).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
