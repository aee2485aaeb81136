"""A container's variables and references."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_kubernetes.runtime.environment import ConfigError, expand, field, variables

POD = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"a/b": "c"}},
    "spec": {"nodeName": "local"},
    "status": {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]},
}
OBJECTS = {
    ("secrets", "s"): {"data": {"A": base64.b64encode(b"1").decode(), "B": base64.b64encode("ě".encode()).decode()}},
    ("configmaps", "c"): {"data": {"A": "2", "X": "$(A)"}, "binaryData": {"BIN": base64.b64encode(b"\x01").decode()}},
}


def _variables(**container):
    return variables(POD, container, lambda resource, name: OBJECTS.get((resource, name)))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$(A)", "1"),
        ("a$(A)b$(B)", "a1b2"),
        ("$(MISSING)", "$(MISSING)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$", "$$"),
        ("$A $ $(", "$A $ $("),
        ("$()", "$()"),
        ("$(A", "$(A"),
    ],
)
def test_references_expand_as_kubernetes_does(text, result):
    """The table of kubernetes' own expansion tests, the parts that people meet."""
    assert expand(text, {"A": "1", "B": "2"}) == result


@given(st.text(alphabet="aB(){} \n", max_size=20))
def test_a_text_without_dollar_stays(text):
    """Only ``$`` means something."""
    assert expand(text, {"a": "x", "B": "y"}) == text


@given(st.text(alphabet="$()A", max_size=12))
def test_a_doubled_dollar_protects_any_text(text):
    """Whoever doubles every ``$`` gets the text back."""
    assert expand(text.replace("$", "$$"), {"A": "x"}) == text


def test_env_wins_over_env_from_and_the_last_source_wins():
    """The order that Kubernetes documents."""
    sources = [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "c"}}]

    result = _variables(envFrom=sources, env=[{"name": "X", "value": "own $(A)"}])

    assert result == {"A": "2", "B": "ě", "X": "own 2", "BIN": "\x01"}


def test_a_prefix_stands_before_each_key():
    """envFrom.prefix."""
    assert _variables(envFrom=[{"prefix": "S_", "secretRef": {"name": "s"}}]) == {"S_A": "1", "S_B": "ě"}


def test_references_see_only_what_came_before():
    """A later variable is not known yet."""
    env = [{"name": "ONE", "value": "$(TWO)"}, {"name": "TWO", "value": "$(ONE)!"}]

    assert _variables(env=env) == {"ONE": "$(TWO)", "TWO": "$(TWO)!"}


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ({"secretKeyRef": {"name": "s", "key": "A"}}, "1"),
        ({"configMapKeyRef": {"name": "c", "key": "A"}}, "2"),
        ({"fieldRef": {"fieldPath": "metadata.name"}}, "p"),
        ({"fieldRef": {"fieldPath": "metadata.labels['a/b']"}}, "c"),
        ({"fieldRef": {"fieldPath": "status.podIP"}}, "127.0.0.1"),
        ({"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}, "64"),
        ({"resourceFieldRef": {"resource": "requests.cpu"}}, "1"),
        ({"resourceFieldRef": {"resource": "limits.cpu"}}, str(os.cpu_count())),  # without one it is the machine's
    ],
)
def test_values_from_elsewhere(reference, value):
    """Secrets, config maps, fields, resources."""
    resources = {"limits": {"memory": "64Mi"}, "requests": {"cpu": "500m"}}

    assert _variables(env=[{"name": "V", "valueFrom": reference}], resources=resources) == {"V": value}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"secretKeyRef": {"name": "missing", "key": "A"}}, 'secret "missing" not found'),
        ({"secretKeyRef": {"name": "s", "key": "Z"}}, "couldn't find key Z in Secret n/s"),
        ({"configMapKeyRef": {"name": "missing", "key": "A"}}, 'configmap "missing" not found'),
        ({"fieldRef": {"fieldPath": "spec.containers"}}, '"spec.containers" cannot be referred to'),
        ({"resourceFieldRef": {"resource": "limits.example.com/gpu"}}, "the container has no limits.example.com/gpu"),
        ({"fileKeyRef": {}}, "fileKeyRef is not supported"),
    ],
)
def test_what_is_missing_is_named(reference, message):
    """The message names the object and the key."""
    with pytest.raises(ConfigError, match=message):
        _variables(env=[{"name": "V", "valueFrom": reference}])


def test_optional_references_may_be_missing():
    """No variable, no error."""
    assert _variables(
        envFrom=[{"secretRef": {"name": "missing", "optional": True}}],
        env=[
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "missing", "key": "A", "optional": True}}},
            {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "Z", "optional": True}}},
        ],
    ) == {}  # fmt: skip


def test_a_missing_label_is_empty():
    """As in a cluster."""
    assert field(POD, "metadata.annotations['x']") == ""
