"""Hooks, side-cars, and what a pod asks for in vain, at every isolation level that works here."""

from __future__ import annotations

import time

import pytest
from kubernetes.client.exceptions import ApiException

pytestmark = pytest.mark.timeout(60)


def _hook(name: str, script: str):
    return {"lifecycle": {name: {"exec": {"command": ["sh", "-c", script]}}}}


def _events(place, reason: str) -> list[str]:
    found = place.core.list_namespaced_event(place.name, field_selector=f"reason={reason}").items
    return [event.message for event in found]


def test_pre_stop_runs_before_the_signal(place, make_pod, run_pod):
    """In the container, within the grace; SIGTERM comes when it is done."""
    script = "trap 'cat $HOME/hook; exit 0' TERM; sleep 60 & wait"
    hook = _hook("preStop", "sleep 0.2; echo hook > $HOME/hook")

    _, log = run_pod(place, make_pod("p", script, hook, activeDeadlineSeconds=1))

    assert log == "hook\n"


def test_a_pre_stop_hook_may_not_outlast_the_grace(place, make_pod, until):
    """Then everything is killed."""
    place.core.create_namespaced_pod(place.name, make_pod("p", "sleep 60", _hook("preStop", "sleep 60")))
    began = time.monotonic()

    place.core.delete_namespaced_pod("p", place.name, grace_period_seconds=1)

    until(lambda: not place.core.list_namespaced_pod(place.name).items)
    assert 1 <= time.monotonic() - began < 5


def test_a_failing_pre_stop_hook_is_told(place, make_pod, until):
    """In an event; the container ends all the same."""
    place.core.create_namespaced_pod(place.name, make_pod("p", "sleep 60", _hook("preStop", "echo no; exit 3")))

    place.core.delete_namespaced_pod("p", place.name, grace_period_seconds=2)

    until(lambda: not place.core.list_namespaced_pod(place.name).items)
    assert _events(place, "FailedPreStopHook") == ["PreStopHook failed"]


def test_post_start_runs_in_the_container(place, make_pod, run_pod):
    """Next to its command."""
    script = "until test -e $HOME/hook; do sleep 0.01; done; echo seen"

    _, log = run_pod(place, make_pod("p", script, _hook("postStart", "touch $HOME/hook")))

    assert log == "seen\n"


def test_a_failing_post_start_hook_kills_the_container(place, make_pod, run_pod):
    """As in a cluster, with an event that says so."""
    pod, _ = run_pod(place, make_pod("p", "sleep 60", _hook("postStart", "exit 4"), terminationGracePeriodSeconds=1))

    assert pod.status.container_statuses[0].state.terminated.exit_code == 137
    assert _events(place, "FailedPostStartHook") == ["PostStartHook failed"]
    assert "FailedPostStartHook" in _events(place, "Killing")


@pytest.mark.parametrize("handler", [{"httpGet": {"port": 80}}, {"tcpSocket": {"port": 80}}])
def test_hooks_that_are_not_there_are_refused(local_kubernetes, make_pod, handler):
    """501 instead of a hook that never runs."""
    body = make_pod("p", "true", {"lifecycle": {"preStop": handler}})

    with pytest.raises(ApiException) as refused:
        local_kubernetes.core.create_namespaced_pod(local_kubernetes.name, body)

    assert refused.value.status == 501
    assert "exec and sleep are" in refused.value.body


def _sidecar(script: str):
    return {"name": "side", "image": "busybox", "restartPolicy": "Always", "command": ["sh", "-c", script]}


def test_a_side_car_runs_as_long_as_the_others(place, make_pod, run_pod, read_log):
    """It has started before them, is asked to end after them, and does not decide how the pod ends."""
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/side-car"}]}
    at = "D=${LOCAL_KUBERNETES_MOUNT_SIDE_CAR:-/side-car}; "
    side = _sidecar(at + "trap 'echo end; exit 7' TERM; touch $D/up; echo up; sleep 60 & wait")
    body = make_pod(
        "p", at + "until test -e $D/up; do sleep 0.01; done; echo main", mount,
        initContainers=[side | mount], volumes=[{"name": "v", "emptyDir": {}}],
    )  # fmt: skip

    pod, log = run_pod(place, body)

    status = pod.status.init_container_statuses[0]
    assert (pod.status.phase, log) == ("Succeeded", "main\n")
    assert (status.state.terminated.exit_code, status.restart_count) == (7, 0)
    assert read_log(place, "p", container="side") == "up\nend\n"


def test_a_side_car_that_ends_is_started_again(place, make_pod, until):
    """Whatever the pod's own policy, also after exit code 0."""
    place.core.create_namespaced_pod(place.name, make_pod("p", "sleep 60", initContainers=[_sidecar("exit 0")]))

    def seen():
        status = place.core.read_namespaced_pod("p", place.name).status
        return status.phase, status.init_container_statuses[0].restart_count

    until(lambda: seen() == ("Running", 1))


def test_a_deleted_pod_ends_its_side_cars_too(place, make_pod, until):
    """A side-car that ignores SIGTERM is killed after the grace."""
    body = make_pod("p", "sleep 60", initContainers=[_sidecar("trap '' TERM; sleep 60")])
    place.core.create_namespaced_pod(place.name, body)
    began = time.monotonic()

    place.core.delete_namespaced_pod("p", place.name, grace_period_seconds=1)

    until(lambda: not place.core.list_namespaced_pod(place.name).items)
    assert 0.9 <= time.monotonic() - began < 5


def test_what_has_no_effect_is_said(local_kubernetes, make_pod):
    """One event that names the fields; that a pod wants fewer rights than it has is none of them."""
    container = {
        "readinessProbe": {"grpc": {"port": 1}},
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": {"privileged": True, "capabilities": {"drop": ["ALL"]}, "runAsUser": 7},
    }
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]
    body = make_pod(
        "p",
        "sleep 60",
        container,
        securityContext={"fsGroup": 7, "sysctls": [{"name": "x", "value": "1"}]},
        volumes=volumes,
    )
    pod = local_kubernetes.core.create_namespaced_pod(local_kubernetes.name, body)

    assert pod.status.container_statuses[0].ready
    assert _events(local_kubernetes, "Unsupported") == [
        "Without effect on this local server: spec.containers[base].readinessProbe, "
        "spec.containers[base].resources.limits.cpu, "
        "spec.containers[base].securityContext.privileged, spec.securityContext.sysctls, "
        "spec.volumes[v].emptyDir.sizeLimit"
    ]
