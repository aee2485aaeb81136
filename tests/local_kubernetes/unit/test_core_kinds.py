"""Secrets and config maps: what they must and must not hold."""

from __future__ import annotations

import base64

import pytest

from local_kubernetes.kinds.core import CONFIG_MAP, SECRET


def _fields(kind, obj):
    completed = kind.complete({"metadata": {"name": "x"}, **obj})
    return [(cause.field, cause.reason) for cause in kind.check(completed)]


def _encoded(**values):
    return {key.replace("_", "."): base64.b64encode(value.encode()).decode() for key, value in values.items()}


@pytest.mark.parametrize(
    ("secret", "fields"),
    [
        ({"type": "kubernetes.io/tls"},
         [("data[tls.crt]", "FieldValueRequired"), ("data[tls.key]", "FieldValueRequired")]),
        ({"type": "kubernetes.io/tls", "data": _encoded(tls_crt="", tls_key="")}, []),
        ({"type": "kubernetes.io/basic-auth"},
         [("data[username]", "FieldValueRequired"), ("data[password]", "FieldValueRequired")]),
        ({"type": "kubernetes.io/basic-auth", "stringData": {"password": "x"}}, []),
        ({"type": "kubernetes.io/ssh-auth"}, [("data[ssh-privatekey]", "FieldValueRequired")]),
        ({"type": "kubernetes.io/dockerconfigjson"}, [("data[.dockerconfigjson]", "FieldValueRequired")]),
        ({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{"}},
         [("data[.dockerconfigjson]", "FieldValueInvalid")]),
        ({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{}"}}, []),
        ({"type": "kubernetes.io/service-account-token"},
         [("metadata.annotations[kubernetes.io/service-account.name]", "FieldValueRequired")]),
        ({"type": "mine", "stringData": {"a": "b"}}, []),
        ({"stringData": {"a": "x" * (1024 * 1024 + 1)}}, [("data", "FieldValueTooLong")]),
        ({"stringData": {"..a": "x"}}, [("data[..a]", "FieldValueInvalid")]),
    ],
)  # fmt: skip
def test_a_secret_s_type_says_what_it_holds(secret, fields):
    """As kube-apiserver's ValidateSecret."""
    assert _fields(SECRET, secret) == fields


def test_a_config_map_has_each_key_once():
    """In data or in binaryData."""
    assert _fields(CONFIG_MAP, {"data": {"a": "x"}, "binaryData": {"a": "eA=="}}) == [
        ("data[a]", "FieldValueInvalid"),
        ("binaryData[a]", "FieldValueInvalid"),
    ]


def test_a_secret_keeps_its_type():
    """What reads it relies on it."""
    causes = SECRET.check_update({"type": "a"}, {"type": "b"})
    assert [(cause.field, cause.message) for cause in causes] == [("type", 'Invalid value: "b": field is immutable')]
