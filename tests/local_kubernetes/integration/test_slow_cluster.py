"""The slow-cluster mode: what goes wrong there, and that everyday clients get through it."""

from __future__ import annotations

import base64
import itertools
import ssl
import time

import httpx
import pytest
import yaml
from kubernetes import watch
from kubernetes.client import ApiException, BatchV1Api, CoreV1Api
from urllib3.exceptions import HTTPError

from local_kubernetes.testing import slow_kubernetes, slow_kubernetes_server  # noqa: F401 - fixtures

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("collect_sockets")]
REFUSALS = {409, 429, 500, 504}


def _asked(call, *arguments, **options):
    """A call's answer, and the statuses by which it was refused before."""
    refused = []
    while True:
        try:
            return call(*arguments, **options), refused
        except ApiException as err:
            refused.append(err.status)
            if err.status not in REFUSALS:
                raise


def _raw_client(place):
    """A client that repeats nothing by itself."""
    context = yaml.safe_load(place.server.kubeconfig.read_text())
    cluster, user = context["clusters"][0]["cluster"], context["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return httpx.Client(
        base_url=cluster["server"],
        headers={"Authorization": f"Bearer {user['token']}"},
        verify=ssl.create_default_context(cadata=authority),
    )


def _created(call, name, body):
    """Create something once, as a patient client does: after a lost answer it is there already."""
    while True:
        try:
            call(name, body)
            return
        except ApiException as err:
            if "AlreadyExists" in str(err.body):
                return
            if err.status not in REFUSALS:
                raise


def test_pods_stay_pending_for_a_while(slow_kubernetes, make_pod, until):  # noqa: F811
    """One to three seconds, without a node; then they run."""
    core, name = slow_kubernetes.core, slow_kubernetes.name
    began = time.monotonic()
    _created(core.create_namespaced_pod, name, make_pod("p", "sleep 30"))
    pod, _ = _asked(core.read_namespaced_pod, "p", name)
    assert (pod.status.phase, pod.spec.node_name) == ("Pending", None)

    until(lambda: _asked(core.read_namespaced_pod, "p", name)[0].status.phase == "Running")

    assert 1 <= time.monotonic() - began < 6


def test_requests_are_refused_now_and_then(slow_kubernetes):  # noqa: F811
    """429 with a time to wait, 500, a conflict, and 504 although the work was done; each in a Status that says so."""
    seen = {}
    with _raw_client(slow_kubernetes) as client:
        path = f"/api/v1/namespaces/{slow_kubernetes.name}/configmaps"
        while client.post(path, json={"metadata": {"name": "c"}}).status_code not in (201, 409):
            pass
        for number in range(2000):
            body = {"metadata": {"name": "c"}, "data": {"number": str(number)}}
            response = client.put(f"{path}/c", json=body)
            if response.is_error:
                seen[response.status_code] = response
                assert response.json()["kind"] == "Status"
            if response.status_code == 504:
                assert client.get(f"{path}/c").json().get("data", body["data"]) == body["data"]
            if seen.keys() == REFUSALS:
                break

    assert seen.keys() == REFUSALS
    assert seen[429].headers["Retry-After"] == "1"


def test_watches_are_cut(slow_kubernetes):  # noqa: F811
    """A watch that was asked to live for minutes ends after seconds, in the middle."""
    began, stream = time.monotonic(), watch.Watch()
    arguments = {"namespace": slow_kubernetes.name, "timeout_seconds": 300}
    with pytest.raises((HTTPError, ApiException)):
        list(stream.stream(slow_kubernetes.core.list_namespaced_config_map, **arguments))

    assert time.monotonic() - began < 30


def test_a_job_gets_its_pods_late_and_ends_all_the_same(slow_kubernetes, until):  # noqa: F811
    """Also where its pods are evicted now and then."""
    batch, name = BatchV1Api(slow_kubernetes.client), slow_kubernetes.name
    container = {"name": "c", "image": "busybox", "command": ["sleep", "0.2"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    body = {"metadata": {"name": "j"}, "spec": {"completions": 4, "parallelism": 4, "template": template}}
    _created(batch.create_namespaced_job, name, body)
    assert _asked(slow_kubernetes.core.list_namespaced_pod, name)[0].items == []

    until(lambda: _asked(batch.read_namespaced_job, "j", name)[0].status.succeeded == 4, seconds=60)


def test_pods_are_evicted_now_and_then(slow_kubernetes, make_pod, until):  # noqa: F811
    """Failed, with the reason Evicted, the condition that a podFailurePolicy asks for, and an event."""
    core: CoreV1Api = slow_kubernetes.core
    name, numbers = slow_kubernetes.name, itertools.count()

    def evicted():
        pod = make_pod(f"p{next(numbers)}", "sleep 60", terminationGracePeriodSeconds=1)
        _created(core.create_namespaced_pod, name, pod)
        found = _asked(core.list_namespaced_pod, name, field_selector="status.phase=Failed")[0].items
        return [pod for pod in found if pod.status.reason == "Evicted"]

    status = until(evicted, seconds=60)[0].status

    assert "low on resource" in status.message
    assert [c.reason for c in status.conditions if c.type == "DisruptionTarget"] == ["TerminationByKubelet"]
    events = _asked(core.list_namespaced_event, name, field_selector="reason=Evicted")[0].items
    assert events[0].involved_object.kind == "Pod"
