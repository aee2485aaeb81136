"""Volumes of every kind, at every isolation level that works here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kubernetes.client.exceptions import ApiException

pytestmark = pytest.mark.timeout(60)
# Where a mount path's content is, with and without mounts of the container's own.
AT = "V=${LOCAL_KUBERNETES_MOUNT_TEST_VOLUME:-/test-volume}; "
MOUNT = {"volumeMounts": [{"name": "v", "mountPath": "/test-volume"}]}


def _volume(**source):
    return [{"name": "v", **source}]


def _claim(name: str, **spec):
    needed = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": name}, "spec": {**needed, **spec}}


def _fields(refused: ApiException) -> list[str]:
    return [cause["field"] for cause in json.loads(refused.body)["details"]["causes"]]


def _is_gone(read, *arguments) -> bool:
    try:
        read(*arguments)
    except ApiException as err:
        return err.status == 404
    return False


def test_the_downward_api_shows_the_pods_fields(place, make_pod, run_pod):
    """Annotations as lines, single fields, and resources in their divisor."""
    items = [
        {"path": "notes", "fieldRef": {"fieldPath": "metadata.annotations"}},
        {"path": "deep/name", "fieldRef": {"fieldPath": "metadata.name"}},
        {
            "path": "memory",
            "resourceFieldRef": {"containerName": "base", "resource": "limits.memory", "divisor": "1Mi"},
        },
    ]
    container = {**MOUNT, "resources": {"limits": {"memory": "64Mi"}}}
    body = make_pod(
        "p", AT + "cd $V; cat notes; echo; cat deep/name; echo; cat memory", container,
        volumes=_volume(downwardAPI={"items": items}),
    )  # fmt: skip
    body["metadata"]["annotations"] = {"b": 'say "hi"', "a": "1"}

    _, log = run_pod(place, body)

    assert log.splitlines() == ['a="1"', r'b="say \"hi\""', "p", "64"]


def test_a_volume_takes_no_image_away_that_lies_below_its_path(place, make_pod, run_pod):
    """These tests' directories lie below /tmp, as a project may: a container's own are there all the same."""
    container = {"volumeMounts": [{"name": "v", "mountPath": "/tmp"}]}

    _, log = run_pod(
        place, make_pod("p", "echo kept > $TMPDIR/x; cat $TMPDIR/x", container, volumes=_volume(emptyDir={}))
    )

    assert log == "kept\n"


def test_a_projected_volume_brings_several_sources_together(place, make_pod, run_pod):
    """With items, modes and an optional source that is missing."""
    place.core.create_namespaced_secret(place.name, {"metadata": {"name": "s"}, "stringData": {"key": "secret"}})
    place.core.create_namespaced_config_map(place.name, {"metadata": {"name": "c"}, "data": {"a": "A", "b": "B"}})
    sources = [
        {"secret": {"name": "s", "items": [{"key": "key", "path": "in/here", "mode": 0o400}]}},
        {"configMap": {"name": "c"}},
        {"configMap": {"name": "missing", "optional": True}},
        {"downwardAPI": {"items": [{"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    script = AT + "cd $V; find . -type f | sort | xargs stat -c '%n %a'; cat a b in/here ns"

    _, log = run_pod(
        place,
        make_pod("p", script, MOUNT, volumes=_volume(projected={"sources": sources, "defaultMode": 0o440})),
    )

    assert log.splitlines() == ["./a 440", "./b 440", "./in/here 400", "./ns 440", f"ABsecret{place.name}"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"projected": {"sources": [{"clusterTrustBundle": {"path": "x"}}]}}, "clusterTrustBundle is not supported"),
        ({"ephemeral": {}}, "make a PersistentVolumeClaim of its own"),
        ({"nfs": {"server": "x", "path": "/"}}, "nfs is not supported"),
    ],
)
def test_volumes_that_are_not_there_are_refused_with_advice(local_kubernetes, make_pod, source, sentence):
    """501, before anything runs."""
    with pytest.raises(ApiException) as refused:
        local_kubernetes.core.create_namespaced_pod(
            local_kubernetes.name, make_pod("p", "true", volumes=_volume(**source))
        )

    assert refused.value.status == 501
    assert sentence in refused.value.body


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ({"configMap": {"name": "c", "items": [{"key": "a", "path": "../a"}]}}, "configMap.items[0].path"),
        ({"secret": {"secretName": "s", "items": [{"key": "a", "path": "/a"}]}}, "secret.items[0].path"),
        ({"secret": {"secretName": "s", "defaultMode": 0o1000}}, "secret.defaultMode"),
        ({"persistentVolumeClaim": {}}, "persistentVolumeClaim.claimName"),
        ({"emptyDir": {}, "secret": {"secretName": "s"}}, "secret"),
    ],
)
def test_what_is_wrong_with_a_volume_is_named(local_kubernetes, make_pod, source, field):
    """422 with the field, as kube-apiserver answers."""
    with pytest.raises(ApiException) as refused:
        local_kubernetes.core.create_namespaced_pod(
            local_kubernetes.name, make_pod("p", "true", volumes=_volume(**source))
        )

    assert refused.value.status == 422
    assert _fields(refused.value) == [f"spec.volumes[0].{field}"]


def test_a_sub_path_may_be_made_of_variables(place, make_pod, run_pod):
    """subPathExpr, with the container's own variables; each pod writes below its own name."""
    container = {
        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumeMounts": [
            {"name": "v", "mountPath": "/test-volume"},
            {"name": "v", "mountPath": "/test-own", "subPathExpr": "logs/$(POD)"},
        ],
    }
    script = AT + "echo hello > ${LOCAL_KUBERNETES_MOUNT_TEST_OWN:-/test-own}/file; cat $V/logs/p/file"

    _, log = run_pod(place, make_pod("p", script, container, volumes=_volume(emptyDir={})))

    assert log == "hello\n"


def test_a_sub_path_of_variables_stays_in_its_volume(place, make_pod):
    """What the expression becomes is checked, not only what it is."""
    container = {
        "env": [{"name": "UP", "value": "../.."}],
        "volumeMounts": [{"name": "v", "mountPath": "/test-volume", "subPathExpr": "$(UP)/x"}],
    }

    pod = place.core.create_namespaced_pod(place.name, make_pod("p", "true", container, volumes=_volume(emptyDir={})))

    assert 'leads out of its volume: "../../x"' in pod.status.container_statuses[0].state.waiting.message


def test_a_claim_keeps_what_pods_write(place, make_pod, run_pod):
    """Bound at once; the next pod finds what the last one has left."""
    claim = place.core.create_namespaced_persistent_volume_claim(place.name, _claim("data"))
    assert (claim.status.phase, claim.status.capacity, claim.status.access_modes) == (
        "Bound",
        {"storage": "1Gi"},
        ["ReadWriteOnce"],
    )
    volumes = _volume(persistentVolumeClaim={"claimName": "data"})

    run_pod(place, make_pod("writer", AT + "echo kept > $V/file", MOUNT, volumes=volumes))
    place.core.delete_namespaced_pod("writer", place.name)
    _, log = run_pod(place, make_pod("reader", AT + "cat $V/file", MOUNT, volumes=volumes))

    assert log == "kept\n"


def test_a_claim_in_use_goes_with_the_last_pod(place, make_pod, until):
    """Deleting it waits for the pods that mount it; then its files go as well."""
    claim = place.core.create_namespaced_persistent_volume_claim(place.name, _claim("data"))
    directory = place.server.directory / "state" / "claims" / claim.metadata.uid
    body = make_pod("p", "sleep 60", MOUNT, volumes=_volume(persistentVolumeClaim={"claimName": "data"}))
    place.core.create_namespaced_pod(place.name, body)

    place.core.delete_namespaced_persistent_volume_claim("data", place.name)
    held = place.core.read_namespaced_persistent_volume_claim("data", place.name)
    assert held.metadata.deletion_timestamp is not None
    assert directory.exists()
    place.core.delete_namespaced_pod("p", place.name, grace_period_seconds=0)

    until(lambda: _is_gone(place.core.read_namespaced_persistent_volume_claim, "data", place.name))
    assert not directory.exists()


def test_a_missing_claim_is_waited_for_by_name(place, make_pod, until):
    """The pod gets no node before its claim is there."""
    body = make_pod("p", "true", MOUNT, volumes=_volume(persistentVolumeClaim={"claimName": "nothing"}))

    place.core.create_namespaced_pod(place.name, body)
    [condition] = place.core.read_namespaced_pod("p", place.name).status.conditions
    assert 'persistentvolumeclaim "nothing" not found' in condition.message

    place.core.create_namespaced_persistent_volume_claim(place.name, _claim("nothing"))
    until(lambda: place.core.read_namespaced_pod("p", place.name).status.phase == "Succeeded")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"accessModes": []}, "spec.accessModes"),
        ({"accessModes": ["Sometimes"]}, "spec.accessModes[0]"),
        ({"resources": {}}, "spec.resources[storage]"),
        ({"resources": {"requests": {"storage": "0"}}}, "spec.resources[storage]"),
        ({"volumeMode": "Block"}, "spec.volumeMode"),
    ],
)
def test_what_is_wrong_with_a_claim_is_named(local_kubernetes, spec, field):
    """422 with the field."""
    with pytest.raises(ApiException) as refused:
        local_kubernetes.core.create_namespaced_persistent_volume_claim(local_kubernetes.name, _claim("c", **spec))

    assert refused.value.status == 422
    assert _fields(refused.value) == [field]


def test_running_pods_see_changed_config(place, make_pod, until):
    """New content, new keys, removed keys, and the pod's own labels, without a restart."""
    place.core.create_namespaced_config_map(place.name, {"metadata": {"name": "c"}, "data": {"a": "1", "b": "1"}})
    sources = [
        {"configMap": {"name": "c"}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]
    script = AT + (
        'cd $V; seen() { echo $(cat a) $(ls) "$(cat labels)" | tr -d " \\042" | tr "\\n" " "; echo; }; '
        "seen; until test ! -e b; do sleep 0.02; done; seen; until grep -q x labels; do sleep 0.02; done; seen"
    )
    place.core.create_namespaced_pod(
        place.name, make_pod("p", script, MOUNT, volumes=_volume(projected={"sources": sources}))
    )

    def log() -> list[str]:
        return place.core.read_namespaced_pod_log("p", place.name, _preload_content=False).read().decode().split()

    until(lambda: log() == ["1ablabels"])
    place.core.replace_namespaced_config_map("c", place.name, {"metadata": {"name": "c"}, "data": {"a": "2", "c": "3"}})
    until(lambda: log()[1:] == ["2aclabels"])
    place.core.patch_namespaced_pod("p", place.name, {"metadata": {"labels": {"x": "yes"}}})
    until(lambda: log()[2:] == ["2aclabelsx=yes"])


def test_nothing_of_a_volume_is_left_on_this_machine(place, make_pod, run_pod):
    """Mount points are made in the container's own tree only."""
    run_pod(place, make_pod("p", "true", MOUNT, volumes=_volume(emptyDir={})))

    assert not Path("/test-volume").exists()
