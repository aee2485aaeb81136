"""Bodies in protobuf: what kubectl's generators send."""

from __future__ import annotations

import base64
import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubernetes_values import Field, message
from local_kubernetes import protobuf
from local_kubernetes.errors import ApiError

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "labels": {"a": "b", "empty": ""}, "creationTimestamp": "2026-01-31T12:00:00Z"},
    "spec": {
        "containers": [
            {
                "name": "c",
                "command": ["sh", "-c", "true"],
                "env": [{"name": "A", "value": "ä"}],
                "resources": {"limits": {"memory": "64Mi"}},
                "livenessProbe": {"httpGet": {"port": "web"}, "periodSeconds": 5},
                "startupProbe": {"tcpSocket": {"port": 80}},
            }
        ],
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "s", "defaultMode": 256}}],
        "automountServiceAccountToken": False,
        "activeDeadlineSeconds": -1,
    },
}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s"},
    "data": {"a": "Yg==", "empty": ""},
    "type": "Opaque",
}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "name": "j",
        "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "c", "uid": "1"}],
    },
    "spec": {
        "suspend": True,
        "podFailurePolicy": {"rules": [{"action": "Ignore", "onExitCodes": {"values": [1, 300]}}]},
    },
}


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _tagged(number: int, raw: bytes | int) -> bytes:
    if isinstance(raw, int):
        return _varint(number << 3) + _varint(raw)
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _value(one: Field, value) -> bytes | int:
    if one.is_message:
        return _encoded(one.base, value)
    if one.base in ("bool", "int32", "int64"):
        return int(value)
    if one.base == "bytes":
        return base64.b64decode(value)
    if one.base == "Quantity":
        return _tagged(1, value.encode())
    if one.base == "IntOrString":
        return (
            _tagged(1, 1) + _tagged(3, value.encode()) if isinstance(value, str) else _tagged(1, 0) + _tagged(2, value)
        )
    if one.base == "Time":
        return _tagged(1, 1769860800)
    return value.encode()


def _encoded(name: str, body: dict) -> bytes:
    """The other direction, for tests: what a client would send."""
    raw = b""
    for number, one in message(name).own.items():
        if one.name == "-":
            inner = {key: value for key, value in body.items() if key in message(one.base).fields}
            raw += _tagged(number, _encoded(one.base, inner)) if inner else b""
        elif one.name in body and one.shape == "[]":
            raw += b"".join(_tagged(number, _value(one, item)) for item in body[one.name])
        elif one.name in body and one.shape == "{}":
            for key, value in body[one.name].items():
                raw += _tagged(number, _tagged(1, key.encode()) + _tagged(2, _value(one, value)))
        elif one.name in body:
            raw += _tagged(number, _value(one, body[one.name]))
    return raw


def _body(obj: dict, name: str) -> bytes:
    kind = _tagged(1, obj["apiVersion"].encode()) + _tagged(2, obj["kind"].encode())
    return protobuf.MAGIC + _tagged(1, kind) + _tagged(2, _encoded(name, obj))


@pytest.mark.parametrize(("obj", "name"), [(POD, "core.Pod"), (SECRET, "core.Secret"), (JOB, "batch.Job")])
def test_what_a_client_encodes_is_read_back(obj, name):
    """Maps, lists, inlined messages, negative numbers, bytes, quantities, times, ports by number and name."""
    assert protobuf.decode(_body(obj, name)) == obj


def test_fields_of_a_later_release_are_skipped():
    """A newer kubectl may know more, of any wire type."""
    newer = _tagged(9000, b"x") + _tagged(9001, 1) + _varint(9002 << 3 | 1) + struct.pack("<d", 1.0)
    kind = _tagged(1, b"v1") + _tagged(2, b"Secret")
    body = protobuf.MAGIC + _tagged(1, kind) + _tagged(2, _encoded("core.Secret", SECRET) + newer)

    assert protobuf.decode(body) == SECRET


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"{}", "does not start with"),
        (protobuf.MAGIC + b"\xff", "no valid protobuf"),
        (protobuf.MAGIC + _tagged(1, _tagged(1, b"v9") + _tagged(2, b"Thing")), "does not read v9 Thing"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(body, complaint):
    """400, not a crash."""
    with pytest.raises(ApiError, match=complaint):
        protobuf.decode(body)


@given(st.integers(4, 400), st.binary(max_size=8))
def test_damaged_bodies_are_refused_or_read_but_never_crash(cut, noise):
    """Cut anywhere, with anything behind."""
    body = _body(POD, "core.Pod")[:cut] + noise
    with contextlib.suppress(ApiError):
        assert protobuf.decode(body)["kind"] == "Pod"
