"""`./baton import --needs`: what CronJobs need in the cluster and is not there."""

import json

import pytest
import yaml

from baton.cronjobs.importing.command import main

EVERYTHING = {
    "restartPolicy": "Never",
    "serviceAccountName": "runner",
    "imagePullSecrets": [{"name": "registry"}],
    "containers": [
        {
            "name": "main",
            "image": "registry.example/own:1",
            "env": [
                {"name": "A", "valueFrom": {"secretKeyRef": {"name": "secret-env", "key": "a"}}},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "map-env", "key": "b"}}},
                {"name": "C", "valueFrom": {"secretKeyRef": {"name": "optional", "key": "a", "optional": True}}},
            ],
            "envFrom": [{"secretRef": {"name": "secret-from"}}, {"configMapRef": {"name": "map-from"}}],
        }
    ],
    "initContainers": [
        {"name": "first", "image": "busybox", "envFrom": [{"secretRef": {"name": "secret-init"}}]},
    ],
    "volumes": [
        {"name": "a", "secret": {"secretName": "secret-volume"}},
        {"name": "b", "configMap": {"name": "map-volume"}},
        {"name": "c", "persistentVolumeClaim": {"claimName": "claim"}},
        {"name": "d", "projected": {"sources": [{"secret": {"name": "part"}}, {"configMap": {"name": "map-part"}}]}},
        {"name": "e", "emptyDir": {}},
        {"name": "f", "secret": {"secretName": "optional-volume", "optional": True}},
    ],
}
NEEDED = {
    ("ServiceAccount", "runner"),
    *(("Secret", name) for name in ("registry", "secret-env", "secret-from", "secret-init", "secret-volume", "part")),
    *(("ConfigMap", name) for name in ("map-env", "map-from", "map-volume", "map-part")),
    ("PersistentVolumeClaim", "claim"),
}


@pytest.fixture
def needs(local_kubernetes, tmp_path, capsys):
    """What is missing for a CronJob with this pod, in a namespace of the cluster or one that is not there."""

    def ask(pod, namespace=None):
        template = {"spec": {"template": {"spec": pod}}}
        metadata = {"name": "own", "namespace": namespace or local_kubernetes.name}
        spec = {"schedule": "0 1 * * *", "jobTemplate": template}
        body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}
        (tmp_path / "own.yaml").write_text(yaml.safe_dump(body))
        words = [str(tmp_path), "--needs", "--kubeconfig", str(local_kubernetes.server.kubeconfig)]
        assert main([*words, "--json"]) == 0
        missing = json.loads(capsys.readouterr().out)["missing"]
        main(words)
        return {(each["kind"], each["name"]) for each in missing}, capsys.readouterr().out

    return ask


def test_everything_that_a_pod_refers_to_is_named(needs):
    """By kind and name; what is optional is not."""
    found, text = needs(EVERYTHING)
    assert found == NEEDED
    assert "PersistentVolumeClaim claim in namespace" in text
    assert "needed by own" in text


def test_a_missing_namespace_is_named_alone(needs):
    """Nothing else can be there."""
    assert needs(EVERYTHING, "nowhere")[0] == {("Namespace", "nowhere")}


def test_what_is_there_is_not_named(needs, local_kubernetes):
    """And no word of it in the report."""
    from kubernetes.client import CoreV1Api

    api = CoreV1Api(local_kubernetes.client)
    api.create_namespaced_secret(local_kubernetes.name, {"metadata": {"name": "secret-from"}})
    container = {"name": "main", "image": "busybox", "envFrom": [{"secretRef": {"name": "secret-from"}}]}
    found, text = needs({"restartPolicy": "Never", "containers": [container]})
    assert (found, "Missing" in text) == (set(), False)
