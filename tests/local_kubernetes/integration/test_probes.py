"""Probes, at every isolation level that works here."""

from __future__ import annotations

import json
import socket

import pytest
from kubernetes.client.exceptions import ApiException

pytestmark = pytest.mark.timeout(60)
QUICK = {"periodSeconds": 1, "failureThreshold": 1}


def _status(place):
    return place.core.read_namespaced_pod("p", place.name).status


def _ready(place) -> tuple[bool, str]:
    status = _status(place)
    conditions = {condition.type: condition.status for condition in status.conditions}
    return status.container_statuses[0].ready, conditions["Ready"]


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_container_is_ready_when_its_probe_says_so(place, make_pod, until):
    """And not ready any more when the probe fails; the container goes on."""
    probe = {"readinessProbe": {"exec": {"command": ["sh", "-c", "test -e $HOME/ready"]}, **QUICK}}
    pod = place.core.create_namespaced_pod(place.name, make_pod("p", "sleep 60", probe))
    file = place.server.directory / "state/pods" / pod.metadata.uid / "containers/base/0/scratch/ready"
    assert (_ready(place), _status(place).phase) == ((False, "False"), "Running")

    file.touch()
    until(lambda: _ready(place) == (True, "True"))
    file.unlink()
    until(lambda: _ready(place) == (False, "False"))

    assert _status(place).container_statuses[0].restart_count == 0


@pytest.mark.parametrize("handler", ["httpGet", "tcpSocket"])
def test_a_server_is_ready_when_it_listens(local_kubernetes, make_pod, until, free_port, handler):
    """By number and by name of its port, at 127.0.0.1, where pods listen."""
    container = {
        "command": ["python", "-m", "http.server", "--bind", "127.0.0.1", str(free_port)],
        "ports": [{"name": "web", "containerPort": free_port}],
        "readinessProbe": {handler: {"port": "web"}, "periodSeconds": 1},
    }
    local_kubernetes.core.create_namespaced_pod(local_kubernetes.name, make_pod("p", "", container))

    until(lambda: _ready(local_kubernetes) == (True, "True"))


@pytest.mark.parametrize(
    ("probe", "field"),
    [
        ({}, ""),
        ({"exec": {}}, ".exec.command"),
        ({"httpGet": {}}, ".httpGet.port"),
        ({"tcpSocket": {}}, ".tcpSocket.port"),
    ],
)
def test_what_is_wrong_with_a_probe_is_named(local_kubernetes, make_pod, probe, field):
    """422 with the field."""
    body = make_pod("p", "true", {"livenessProbe": probe})

    with pytest.raises(ApiException) as refused:
        local_kubernetes.core.create_namespaced_pod(local_kubernetes.name, body)

    causes = json.loads(refused.value.body)["details"]["causes"]
    assert [cause["field"] for cause in causes] == [f"spec.containers[0].livenessProbe{field}"]


def test_a_container_that_is_not_alive_is_started_again(place, make_pod, until):
    """It is asked to end, and its policy brings it back."""
    probe = {"livenessProbe": {"exec": {"command": ["false"]}, **QUICK}}
    spec = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 1}
    place.core.create_namespaced_pod(place.name, make_pod("p", "sleep 60", probe, **spec))

    until(lambda: _status(place).container_statuses[0].restart_count == 1)

    events = place.core.list_namespaced_event(place.name, field_selector="reason=Unhealthy").items
    assert {event.message for event in events} == {"Liveness probe failed: "}


def test_the_other_probes_wait_for_the_startup_probe(place, make_pod, until):
    """A container that starts slowly is not killed for it."""
    script = "sleep 1.5; touch $HOME/up; sleep 60"
    probes = {
        "startupProbe": {"exec": {"command": ["sh", "-c", "test -e $HOME/up"]}, "periodSeconds": 1},
        "livenessProbe": {"exec": {"command": ["sh", "-c", "test -e $HOME/up"]}, **QUICK},
        "readinessProbe": {"exec": {"command": ["true"]}, **QUICK},
    }
    place.core.create_namespaced_pod(place.name, make_pod("p", script, probes))

    until(lambda: _ready(place) == (True, "True"))

    assert _status(place).container_statuses[0].restart_count == 0
    unhealthy = place.core.list_namespaced_event(place.name, field_selector="reason=Unhealthy").items
    assert {event.message for event in unhealthy} <= {"Startup probe failed: "}
