"""Server-side apply: who applied which fields."""

from __future__ import annotations

import pytest

from local_kubernetes import managed_fields as managed

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "labels": {"a": "b"}, "finalizers": ["x/y"]},
    "spec": {"containers": [{"name": "c", "command": ["a"], "ports": [{"containerPort": 80}]}]},
}
FIELDS = {
    "f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {'v:"x/y"': {}}},
    "f:spec": {
        "f:containers": {
            'k:{"name":"c"}': {
                ".": {},
                "f:name": {},
                "f:command": {},
                "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
            }
        }
    },
}


def test_paths_are_written_as_the_real_server_writes_them():
    """Items of lists by their keys, sets by their values, plain lists as one; identity is nobody's."""
    paths = managed.paths(POD, "core.Pod")

    assert managed.written(paths) == FIELDS
    assert managed.read(FIELDS) == paths


@pytest.mark.parametrize(
    ("live", "applied", "after"),
    [
        ({"containers": [{"name": "a"}]}, {"containers": [{"name": "b"}]},
         {"containers": [{"name": "a"}, {"name": "b"}]}),
        ({"containers": [{"name": "a", "image": "x"}]}, {"containers": [{"name": "a", "image": "y"}]},
         {"containers": [{"name": "a", "image": "y"}]}),
        ({"containers": [{"name": "a", "args": ["1"]}]}, {"containers": [{"name": "a", "args": ["2"]}]},
         {"containers": [{"name": "a", "args": ["2"]}]}),
        ({"nodeSelector": {"a": "b"}}, {"nodeSelector": {"c": "d"}}, {"nodeSelector": {"c": "d"}}),
    ],
)  # fmt: skip
def test_what_is_applied_is_laid_over_what_is_there(live, applied, after):
    """Lists with keys item by item, atomic lists and maps as a whole."""
    assert managed.merged(live, applied, "core.PodSpec") == after


def test_a_field_goes_when_nobody_applies_it_any_more():
    """An item of a list stays as long as somebody applies a part of it."""
    live = {"containers": [{"name": "a", "image": "x", "tty": True}, {"name": "b"}], "hostname": "h"}
    mine = managed.paths(live, "core.PodSpec")
    theirs = managed.paths({"containers": [{"name": "a", "image": "x"}]}, "core.PodSpec")

    assert managed.without(live, mine, theirs, "core.PodSpec") == {"containers": [{"name": "a", "image": "x"}]}


def test_a_conflict_names_the_manager_and_the_field():
    """Only where the values differ."""
    theirs = managed.entry("m1", "v1", "", managed.paths(POD, "core.Pod"))
    wanted = {"metadata": {"labels": {"a": "other"}, "finalizers": ["x/y"]}}
    after = managed.merged(POD, wanted, "core.Pod")

    found = managed.conflicts(POD, after, managed.paths(wanted, "core.Pod"), [theirs])

    error = managed.refuse(found)
    assert error.message == 'Apply failed with 1 conflict: conflict with "m1": .metadata.labels.a'
    assert error.details == {
        "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "m1"', "field": ".metadata.labels.a"}]
    }
