"""JSON, merge and strategic merge patches."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_kubernetes.errors import ApiError
from local_kubernetes.patches import json_patch, merge
from local_kubernetes.strategic_merge import strategic

KEYS = st.sampled_from(["a", "b", "c"])
PLAIN = st.one_of(st.integers(0, 3), st.text("xy", max_size=2), st.booleans())
OBJECTS = st.recursive(
    st.dictionaries(KEYS, PLAIN), lambda inner: st.dictionaries(KEYS, st.one_of(PLAIN, inner)), max_leaves=8
)


def _difference(before, after):
    """The merge patch that makes one object the other."""
    patch = {key: None for key in before if key not in after}
    for key, value in after.items():
        if isinstance(value, dict) and isinstance(before.get(key), dict):
            patch[key] = _difference(before[key], value)
        elif before.get(key) != value or type(before.get(key)) is not type(value):
            patch[key] = value
    return patch


@given(before=OBJECTS, after=OBJECTS)
def test_a_merge_patch_reaches_its_goal_and_leaves_the_original_alone(before, after):
    """Without lists, merge and strategic merge are the same thing."""
    patch = _difference(before, after)
    kept = copy.deepcopy(before)

    assert merge(before, patch) == after
    assert strategic(before, patch, "core.Pod") == after
    assert before == kept


@pytest.mark.parametrize(
    ("kind", "before", "patch", "after"),
    [
        (
            "core.PodSpec",
            {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]},
            {"containers": [{"name": "a", "image": "2"}]},
            {"containers": [{"name": "a", "image": "2"}, {"name": "b"}]},
        ),
        (
            "core.Container",
            {"env": [{"name": "A"}, {"name": "B"}]},
            {"env": [{"name": "A", "$patch": "delete"}, {"name": "C", "value": "1"}]},
            {"env": [{"name": "B"}, {"name": "C", "value": "1"}]},
        ),
        (
            "core.Container",
            {"env": [{"name": "A"}]},
            {"env": [{"$patch": "replace"}, {"name": "B"}]},
            {"env": [{"name": "B"}]},
        ),
        ("core.Container", {"args": ["a", "b"]}, {"args": ["c"]}, {"args": ["c"]}),
        ("meta.ObjectMeta", {"finalizers": ["a"]}, {"finalizers": ["b"]}, {"finalizers": ["a", "b"]}),
        (
            "meta.ObjectMeta",
            {"finalizers": ["a", "b"]},
            {"$deleteFromPrimitiveList/finalizers": ["a"]},
            {"finalizers": ["b"]},
        ),
        ("core.Pod", {"spec": {"a": 1}}, {"spec": {"$patch": "replace", "b": 2}}, {"spec": {"b": 2}}),
        ("core.Pod", {"spec": {"a": 1}}, {"spec": {"$patch": "delete"}}, {"spec": {}}),
        ("core.Volume", {"a": 1, "b": 2}, {"$retainKeys": ["b"], "b": 3}, {"b": 3}),
        (
            "core.PodSpec",
            {"volumes": [{"name": "v"}, {"name": "w"}]},
            {"$setElementOrder/volumes": [{"name": "w"}, {"name": "v"}]},
            {"volumes": [{"name": "w"}, {"name": "v"}]},
        ),
        (
            "core.Container",
            {"volumeMounts": [{"mountPath": "/a", "name": "v"}]},
            {"volumeMounts": [{"mountPath": "/a", "name": "w"}]},
            {"volumeMounts": [{"mountPath": "/a", "name": "w"}]},
        ),
        (
            "core.Container",
            {"ports": [{"containerPort": 1, "name": "a"}]},
            {"ports": [{"containerPort": 2}]},
            {"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2}]},
        ),
        # A ConfigMap's keys are data, whatever they are called.
        ("core.ConfigMap", {"data": {"env": "a", "x": "1"}}, {"data": {"env": "b"}}, {"data": {"env": "b", "x": "1"}}),
    ],
)
def test_strategic_merge_knows_lists_of_named_items(kind, before, patch, after):
    """Items are merged by their key, directives are followed, other lists are replaced."""
    assert strategic(before, patch, kind) == after


def test_strategic_merge_needs_the_key():
    """A nameless item cannot be placed."""
    with pytest.raises(ApiError, match="does not contain declared merge key: name"):
        strategic({"env": []}, {"env": [{"name": "A"}, {"value": "1"}]}, "core.Container")


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        ({"op": "add", "path": "/a/0", "value": 0}, {"a": [0, 1, 2], "b/c": {"~": 1}}),
        ({"op": "add", "path": "/a/-", "value": 3}, {"a": [1, 2, 3], "b/c": {"~": 1}}),
        ({"op": "remove", "path": "/b~1c/~0"}, {"a": [1, 2], "b/c": {}}),
        ({"op": "replace", "path": "/a", "value": None}, {"a": None, "b/c": {"~": 1}}),
        ({"op": "replace", "path": "/a/1", "value": 9}, {"a": [1, 9], "b/c": {"~": 1}}),
        ({"op": "move", "from": "/a/0", "path": "/x"}, {"a": [2], "b/c": {"~": 1}, "x": 1}),
        ({"op": "copy", "from": "/a", "path": "/x"}, {"a": [1, 2], "b/c": {"~": 1}, "x": [1, 2]}),
        ({"op": "test", "path": "/a/0", "value": 1}, {"a": [1, 2], "b/c": {"~": 1}}),
        ({"op": "replace", "path": "", "value": {"new": 1}}, {"new": 1}),
        # What kube-apiserver's library takes beyond the RFC.
        ({"op": "replace", "path": "/a/-1", "value": 9}, {"a": [1, 9], "b/c": {"~": 1}}),
        ({"op": "add", "path": "/a/-1", "value": 9}, {"a": [1, 2, 9], "b/c": {"~": 1}}),
        ({"op": "remove", "path": "/a/-2"}, {"a": [2], "b/c": {"~": 1}}),
        ({"op": "remove", "path": "/a/00"}, {"a": [2], "b/c": {"~": 1}}),
        ({"op": "remove", "path": "/b~1c/~"}, {"a": [1, 2], "b/c": {}}),
        ({"op": "test", "path": "/missing", "value": None}, {"a": [1, 2], "b/c": {"~": 1}}),
    ],
)
def test_json_patch_operations(operation, after):
    """RFC 6902, with escaped paths and positions in lists."""
    before = {"a": [1, 2], "b/c": {"~": 1}}

    assert json_patch(before, [operation]) == after
    assert before == {"a": [1, 2], "b/c": {"~": 1}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/missing"},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "add", "path": "/a/b", "value": 1},
        {"op": "add", "path": "no-slash", "value": 1},
        {"op": "add", "path": "/list/7", "value": 1},
        {"path": "/a"},
        {"op": "test", "path": "/a", "value": True},
        {"op": "test", "path": "/list", "value": {}},
        {"op": "test", "path": "/missing", "value": 0},
        {"op": "add", "path": "/list/-2", "value": 1},
        {"op": "add", "path": "/list/0_0", "value": 1},
        {"op": "replace", "path": "/list/-", "value": 1},
        {"op": "remove", "path": ""},
        {"op": "move", "from": "/list", "path": "/list/0"},
        {"op": "add", "path": 5, "value": 1},
        "a text",
    ],
)
def test_json_patch_refuses_as_a_whole(operation):
    """422, and nothing has changed."""
    before = {"a": 1, "list": []}

    with pytest.raises(ApiError) as refused:
        json_patch(
            before,
            [{"op": "replace", "path": "/a", "value": 5}, {"op": "replace", "path": "/a", "value": 1}, operation],
        )

    assert refused.value.code == 422
    assert before == {"a": 1, "list": []}
