"""Deployments with real pods and the real kubectl."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.timeout(180)
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: "busybox:1", command: [sh, -c, "echo started; exec sleep 1000"]}]
"""


@pytest.fixture
def web(kubectl):
    """A Deployment whose three pods are ready."""
    kubectl("apply", "-f", "-", text=DEPLOYMENT)
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")


@pytest.fixture
def pods(kubectl):
    """The pods of the Deployment that are not being deleted, as objects."""

    def read():
        found = json.loads(kubectl("get", "pods", "-l", "app=web", "-o", "json"))["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    return read


def images(found):
    """The images that pods run."""
    return {pod["spec"]["containers"][0]["image"] for pod in found}


def test_a_rollout_goes_forward_and_back(kubectl, web, pods):
    """set image, rollout status, history, undo: pods follow the template, revisions are kept."""
    assert "3/3" in kubectl("get", "deployment", "web")
    kubectl("set", "image", "deployment/web", "c=busybox:2")
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert (len(pods()), images(pods())) == (3, {"busybox:2"})

    kubectl("rollout", "undo", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert images(pods()) == {"busybox:1"}
    history = kubectl("rollout", "history", "deployment/web")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["2", "3"]
    assert "busybox:2" in kubectl("rollout", "history", "deployment/web", "--revision=2")


def test_a_restart_replaces_every_pod(kubectl, web, pods):
    """rollout restart."""
    before = {pod["metadata"]["name"] for pod in pods()}
    kubectl("rollout", "restart", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")

    after = {pod["metadata"]["name"] for pod in pods()}
    assert len(after) == 3
    assert before & after == set()


def test_scaling_and_pausing(kubectl, web, pods):
    """scale works at any time, a paused template waits."""
    kubectl("scale", "deployment/web", "--replicas=1")
    kubectl("wait", "--for=jsonpath={.status.replicas}=1", "deployment/web", "--timeout=20s")
    kubectl("rollout", "pause", "deployment/web")
    kubectl("set", "image", "deployment/web", "c=busybox:2")
    kubectl("scale", "deployment/web", "--replicas=2")
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=2", "deployment/web", "--timeout=20s")
    assert images(pods()) == {"busybox:1"}

    kubectl("rollout", "resume", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert (len(pods()), images(pods())) == (2, {"busybox:2"})


def test_a_rollout_that_cannot_succeed_is_told(kubectl, web, pods):
    """The old pods stay, rollout status fails after the deadline, undo repairs."""
    command = '[{"name":"c","command":["false"]}]'
    spec = f'{{"minReadySeconds":2,"progressDeadlineSeconds":4,"template":{{"spec":{{"containers":{command}}}}}}}'
    kubectl("patch", "deployment", "web", "-p", f'{{"spec":{spec}}}')
    said = kubectl("rollout", "status", "deployment/web", "--timeout=60s", code=1)
    assert "exceeded its progress deadline" in said
    assert sum(pod["status"]["phase"] == "Running" for pod in pods()) >= 3

    kubectl("rollout", "undo", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert len(pods()) == 3


def test_a_deleted_pod_is_replaced_and_everything_goes_with_the_deployment(kubectl, web, pods, until):
    """The number is kept while the Deployment is there; logs, describe and get all know it."""
    name = pods()[0]["metadata"]["name"]
    kubectl("delete", "pod", name)
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web", "--timeout=20s")
    assert name not in {pod["metadata"]["name"] for pod in pods()}
    assert "started" in kubectl("logs", "deployment/web")
    assert "ScalingReplicaSet" in kubectl("describe", "deployment", "web")
    everything = kubectl("get", "all", "-o", "wide")
    assert all(name in everything for name in ("pod/web-", "deployment.apps/web", "replicaset.apps/web-"))

    kubectl("delete", "deployment", "web")
    until(lambda: "No resources found" in kubectl("get", "replicasets,pods"))


def test_a_deployment_survives_the_server(own_server, until):
    """After kill -9 the next server goes on with the same pods, and still keeps their number."""
    from kubernetes.client import AppsV1Api, CoreV1Api

    labels = {"app": "web"}
    container = {"name": "c", "image": "busybox", "command": ["sleep", "1000"]}
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    body = {"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": labels}}}
    body["spec"]["template"] = template

    def names():
        with own_server.client() as client:
            return {p.metadata.name for p in CoreV1Api(client).list_namespaced_pod("own").items}

    def ready():
        with own_server.client() as client:
            return AppsV1Api(client).read_namespaced_deployment("web", "own").status.ready_replicas == 2

    with own_server.client() as client:
        AppsV1Api(client).create_namespaced_deployment("own", body)
    until(ready)
    before = names()

    own_server.kill()
    own_server.start()
    until(ready)
    assert names() == before

    with own_server.client() as client:
        CoreV1Api(client).delete_namespaced_pod(min(before), "own")
    until(lambda: len(names()) == 2 and min(before) not in names() and ready())
