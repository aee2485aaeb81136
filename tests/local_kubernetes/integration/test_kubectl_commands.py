"""kubectl commands that need more of the API than objects: protobuf bodies, the node, evictions, reviews."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.timeout(120)


def test_generators_that_send_protobuf(kubectl):
    """create secret, configmap, namespace, serviceaccount and job have no fallback to JSON."""
    kubectl("create", "secret", "generic", "s", "--from-literal=a=b", "--from-literal=empty=")
    assert json.loads(kubectl("get", "secret", "s", "-o", "json"))["data"] == {"a": "Yg==", "empty": ""}
    kubectl("create", "configmap", "c", "--from-literal=a=b")
    assert json.loads(kubectl("get", "cm", "c", "-o", "json"))["data"] == {"a": "b"}
    kubectl("create", "serviceaccount", "robot")
    kubectl("create", "job", "j", "--image=busybox", "--", "sh", "-c", "exit 0")
    job = json.loads(kubectl("get", "job", "j", "-o", "json"))
    assert job["spec"]["template"]["spec"]["containers"][0]["command"] == ["sh", "-c", "exit 0"]
    kubectl("wait", "--for=condition=Complete", "job/j", "--timeout=20s")


def test_the_node_and_its_draining(own_server, kubectl):
    """get nodes, describe, cordon, drain (by eviction), uncordon; a pod made meanwhile waits."""
    server = ["--kubeconfig", str(own_server.kubeconfig), "-n", "own"]
    assert "local   Ready" in kubectl(*server, "get", "nodes", "-o", "wide")
    assert "local-processes://" in kubectl(*server, "describe", "node", "local")
    kubectl(*server, "run", "p", "--image=busybox", "--restart=Never", "--", "sleep", "60")
    assert "pod/p evicted" in kubectl(*server, "drain", "local", "--force", "--grace-period=1")
    assert "Ready,SchedulingDisabled" in kubectl(*server, "get", "node", "local")
    kubectl(*server, "run", "q", "--image=busybox", "--restart=Never", "--", "true")
    assert "Pending" in kubectl(*server, "get", "pod", "q")
    assert "were unschedulable" in kubectl(*server, "describe", "pod", "q")
    kubectl(*server, "uncordon", "local")
    kubectl(*server, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/q", "--timeout=10s")


def test_who_am_i_and_what_may_i_do(kubectl):
    """auth whoami and can-i."""
    assert "kubernetes-admin" in kubectl("auth", "whoami")
    assert kubectl("auth", "can-i", "delete", "pods") == "yes\n"
    assert "*.*" in kubectl("auth", "can-i", "--list")


def test_a_misspelt_field_is_refused(kubectl):
    """kubectl leaves the check to the server."""
    pod = """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},
        "spec":{"containers":[{"name":"c","image":"x","imagePullPolcy":"Never"}]}}"""

    assert 'unknown field "spec.containers[0].imagePullPolcy"' in kubectl("apply", "-f", "-", text=pod, code=1)
    assert 'Warning: unknown field "spec.containers[0].imagePullPolcy"' in kubectl(
        "apply", "--validate=warn", "-f", "-", text=pod
    )


POD = """
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {a: b}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
  - {name: a, image: busybox, command: [sleep, "60"], ports: [{containerPort: 80}]}
  - {name: b, image: busybox, command: [sleep, "60"]}
"""


def test_apply_diff_and_explain_with_the_server_s_schema(kubectl):
    """kubectl merges by the OpenAPI document: another image of one container leaves the other alone."""
    kubectl("apply", "-f", "-", text=POD)
    changed = POD.replace("name: b, image: busybox", "name: b, image: busybox:1").replace("{a: b}", "{c: d}")

    assert "+    image: busybox:1" in kubectl("diff", "-f", "-", text=changed, code=1)
    assert kubectl("apply", "-f", "-", text=changed) == "pod/p configured\n"
    found = json.loads(kubectl("get", "pod", "p", "-o", "json"))
    assert [container["image"] for container in found["spec"]["containers"]] == ["busybox", "busybox:1"]
    assert found["metadata"]["labels"] == {"c": "d"}
    assert "terminationMessagePolicy" in kubectl("explain", "pod.spec.containers")
    assert "backoffLimit" in kubectl("explain", "job.spec")


def test_server_side_apply(kubectl):
    """Create, change, remove what is no longer named, refuse what another manager applied, take it by force."""
    apply = ["apply", "--server-side", "-f", "-"]
    assert kubectl(*apply, text=POD) == "pod/p serverside-applied\n"
    assert kubectl(*apply, text=POD) == "pod/p serverside-applied\n"
    assert json.loads(kubectl("get", "pod", "p", "-o", "json"))["metadata"]["resourceVersion"]

    other = POD.replace("name: b, image: busybox", "name: b, image: busybox:1").replace("{a: b}", "{c: d}")
    refused = kubectl(*apply, "--field-manager=other", text=other, code=1)
    assert 'conflict with "kubectl": .spec.containers[name="b"].image' in refused
    kubectl(*apply, "--field-manager=other", "--force-conflicts", text=other)
    assert json.loads(kubectl("get", "pod", "p", "-o", "json"))["metadata"]["labels"] == {"a": "b", "c": "d"}
    kubectl(*apply, text=other)
    found = json.loads(kubectl("get", "pod", "p", "-o", "json", "--show-managed-fields"))
    assert found["metadata"]["labels"] == {"c": "d"}
    assert {entry["manager"] for entry in found["metadata"]["managedFields"]} == {"kubectl", "other"}


def test_a_dry_run_on_the_server_changes_nothing(kubectl, own_server):
    """create, apply, patch, delete, drain and scale with --dry-run=server."""
    kubectl("create", "configmap", "c", "--from-literal=a=b", "--dry-run=server")
    assert "NotFound" in kubectl("get", "cm", "c", code=1)
    kubectl("create", "configmap", "c", "--from-literal=a=b")
    kubectl("patch", "cm", "c", "-p", '{"data":{"a":"x"}}', "--dry-run=server")
    assert "(server dry run)" in kubectl("delete", "cm", "c", "--dry-run=server")
    kubectl("delete", "cm", "--all", "--dry-run=server")
    assert kubectl("get", "cm", "c", "-o", "jsonpath={.data.a}") == "b"
    server = ["--kubeconfig", str(own_server.kubeconfig), "-n", "own"]
    kubectl(*server, "run", "p", "--image=busybox", "--restart=Never", "--", "sleep", "60")
    kubectl(*server, "drain", "local", "--force", "--dry-run=server")
    assert "Running" in kubectl(*server, "get", "pod", "p")
