"""Everyday kubectl, the real one."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed"),
]
POD = """
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: a}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
  - name: base
    image: busybox
    command: [sh, -c, "echo $GREETING; sleep 30"]
    envFrom: [{secretRef: {name: s}}]
---
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {GREETING: aGVsbG8=}
"""


def _run(kubectl, name, script):
    kubectl("run", name, "--image=busybox", "--restart=Never", "--", "sh", "-c", script)


def test_attach_shows_the_output(kubectl):
    """What comes from then on to the end, as a kubelet passes it on."""
    _run(kubectl, "p", "echo first; sleep 2; echo last")

    assert "last\n" in kubectl("attach", "p")


def test_run_with_input_runs_to_its_end(kubectl):
    """kubectl run -i --rm, as people try things out; the exit code arrives."""
    command = ["--image=busybox", "--rm", "-i", "--restart=Never", "--", "sh", "-c", "sleep 2; echo one; exit 3"]

    output = kubectl("run", "p", *command, text="hello\n", code=3)

    assert "one\n" in output
    assert "passes no input on" in output


def test_files_are_copied_in_and_out(kubectl, tmp_path):
    """kubectl cp, which is exec and tar."""
    _run(kubectl, "p", "sleep 60")
    kubectl("wait", "--for=condition=Ready", "pod/p")
    place = kubectl("exec", "p", "--", "sh", "-c", "echo $TMPDIR").strip()
    (tmp_path / "in").write_text("content")

    kubectl("cp", str(tmp_path / "in"), f"p:{place}/copied")
    kubectl("cp", f"p:{place}/copied", str(tmp_path / "out"))

    assert kubectl("exec", "p", "--", "cat", f"{place}/copied") == "content"
    assert (tmp_path / "out").read_text() == "content"


def test_port_forward_is_refused_with_advice(kubectl):
    """Pods share this machine's network."""
    _run(kubectl, "p", "sleep 60")
    kubectl("wait", "--for=condition=Ready", "pod/p")

    assert "can be reached at 127.0.0.1 and its port" in kubectl("port-forward", "p", "8080:80", code=1)


def test_a_forced_deletion_leaves_nothing(kubectl, until):
    """kubectl delete --force: also a container that ignores SIGTERM ends, right after its pod is gone."""
    _run(kubectl, "p", "trap '' TERM; sleep 424248; sleep 424248")

    kubectl("delete", "pod", "p", "--force")

    assert "NotFound" in kubectl("get", "pod", "p", code=1)
    until(lambda: "424248" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout)


def test_a_session(kubectl):
    """apply, get, describe, logs, exec, label, annotate, patch, wait, events, delete."""
    assert kubectl("apply", "-f", "-", text=POD) == "pod/p created\nsecret/s created\n"
    assert kubectl("apply", "-f", "-", text=POD) == "pod/p unchanged\nsecret/s unchanged\n"
    kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=10s")
    assert "1/1     Running" in kubectl("get", "pods")
    assert "local" in kubectl("get", "po", "-o", "wide")
    assert json.loads(kubectl("get", "pod", "p", "-o", "json"))["status"]["phase"] == "Running"
    assert kubectl("get", "pod", "p", "-o", "jsonpath={.metadata.labels.app}") == "a"
    assert "phase: Running" in kubectl("get", "pods", "-o", "yaml")
    assert "Started" in kubectl("describe", "pod", "p")
    assert kubectl("logs", "p") == "hello\n"
    assert kubectl("logs", "p", "--since-time=2020-01-01T00:00:00Z", "--tail=1") == "hello\n"
    assert kubectl("exec", "p", "--", "sh", "-c", "echo in $GREETING") == "in hello\n"
    assert kubectl("exec", "-i", "p", "--", "cat", text="through") == "through"
    assert "exit code 4" in kubectl("exec", "p", "--", "sh", "-c", "exit 4", code=4)
    assert kubectl("label", "pod", "p", "x=y") == "pod/p labeled\n"
    assert kubectl("annotate", "pod", "p", "x=y") == "pod/p annotated\n"
    assert kubectl("patch", "pod", "p", "-p", '{"metadata":{"labels":{"z":"1"}}}') == "pod/p patched\n"
    assert "Scheduled" in kubectl("events", "--for", "pod/p")
    assert "pod/p" in kubectl("get", "events")
    assert "Opaque" in kubectl("get", "secrets")
    assert "p" in kubectl("get", "all")
    assert kubectl("delete", "pod", "p") == 'pod "p" deleted\n'
    assert "NotFound" in kubectl("get", "pod", "p", code=1)


def test_following_logs_ends_with_the_pod(kubectl):
    """kubectl run --attach style use: logs -f returns when the container has ended."""
    kubectl("run", "q", "--image=busybox", "--restart=Never", "--", "sh", "-c", "echo a; sleep 1; echo b")

    assert kubectl("logs", "-f", "q") == "a\nb\n"
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/q", "--timeout=10s")


def test_the_log_of_the_run_before(kubectl):
    """kubectl logs -p: what the container had said before it was started again."""
    script = "V=${LOCAL_KUBERNETES_MOUNT_V:-/v}; test -e $V/x && exec sleep 60; touch $V/x; echo before; exit 1"
    container = {"name": "c", "image": "busybox", "command": ["sh", "-c", script]}
    container["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    volumes = [{"name": "v", "emptyDir": {}}]
    spec = {"restartPolicy": "OnFailure", "containers": [container], "volumes": volumes}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "r"}, "spec": spec}
    kubectl("apply", "-f", "-", text=json.dumps(pod))

    kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/r", "--timeout=15s")
    kubectl("wait", "--for=condition=Ready", "pod/r", "--timeout=15s")

    assert kubectl("logs", "-p", "r") == "before\n"


def test_config_maps_and_namespaces(kubectl):
    """Objects without a life of their own."""
    assert "cm" in kubectl("apply", "-f", "-", text='{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cm"}}')
    assert "cm" in kubectl("get", "cm")
    assert "Active" in kubectl("get", "ns")
    assert "default" in kubectl("get", "sa")
    assert "configmap" in kubectl("api-resources")
    assert "v1.36" in kubectl("version")
