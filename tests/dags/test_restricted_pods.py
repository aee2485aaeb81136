"""Every pod of ours passes the Pod Security Standard that `deploy/kubernetes/namespace.yaml` enforces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from baton.workloads.backup_applications import Application, application_backup
from baton.workloads.operator import WorkloadOperator
from baton_local.layout import PROJECT
from local_kubernetes.access.pod_security import level_of, told, violations

MANIFESTS = (
    PROJECT / "deploy" / "kubernetes" / "watch.yaml",
    *sorted((PROJECT / "include" / "cronjobs").glob("*.yaml")),
    *sorted((PROJECT / "include" / "manifests" / "job_templates").glob("*.yaml")),
)


def level() -> str:
    """What the shipped namespace enforces."""
    namespace = yaml.safe_load((PROJECT / "deploy" / "kubernetes" / "namespace.yaml").read_text())
    return level_of(namespace, "enforce")[0]


def pods(content: Any) -> Iterator[dict[str, Any]]:
    """Every pod's spec in a manifest."""
    if isinstance(content, dict):
        if isinstance(content.get("containers"), list):
            yield content
        for inner in content.values():
            yield from pods(inner)
    elif isinstance(content, list):
        for inner in content:
            yield from pods(inner)


def shipped() -> list[Any]:
    """The pods of the manifests that this project ships."""
    found = []
    for path in MANIFESTS:
        for document in yaml.safe_load_all(path.read_text()):
            found += [pytest.param(spec, id=f"{path.name}-{n}") for n, spec in enumerate(pods(document))]
    return found


def built(task: WorkloadOperator) -> dict[str, Any]:
    """The spec of the pod that a task starts."""
    from kubernetes.client import ApiClient

    pod = task.build_pod_request_obj(dry_run=True)
    spec: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)["spec"]
    return spec


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow looks for the connection; nothing here connects."""
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes"}))


def test_namespace_enforces_the_strictest_level() -> None:
    """What is told of below is what a cluster does."""
    assert level() == "restricted"


@pytest.mark.usefixtures("connection")
def test_each_task_s_pod_is_restricted_and_has_no_token(dag_bag: Any) -> None:
    """Of every DAG; only what asks the cluster itself has a token."""
    tasks = [task for dag in dag_bag.dags.values() for task in dag.tasks if isinstance(task, WorkloadOperator)]
    assert len(tasks) > 10
    for task in tasks:
        spec = built(task)
        assert told(violations(level(), spec)) == "", task
        assert spec["automountServiceAccountToken"] is (spec.get("serviceAccountName") == "baton-backup"), task
        read_only = [each["securityContext"].get("readOnlyRootFilesystem") for each in spec["containers"]]
        assert all(read_only), task
        assert any(mount["mountPath"] == "/tmp" for mount in spec["containers"][0]["volumeMounts"]), task


@pytest.mark.usefixtures("connection")
def test_pod_of_an_application_is_restricted_too() -> None:
    """Its init container is of somebody else's image, of which nobody knows where it writes."""
    spec = built(application_backup(Application(name="wiki", image="wiki:1", command=["dump"])))
    assert told(violations(level(), spec)) == ""
    assert "readOnlyRootFilesystem" not in spec["initContainers"][0]["securityContext"]


@pytest.mark.parametrize("spec", shipped())
def test_pod_of_a_shipped_manifest_is_restricted(spec: dict[str, Any]) -> None:
    """CronJobs, the watch, Jobs that alerts may start: restricted, read-only, without a token."""
    assert told(violations(level(), spec)) == ""
    assert spec["automountServiceAccountToken"] is False
    assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in spec["containers"])


def test_what_is_not_restricted_is_found() -> None:
    """The same check finds a pod that asks for more."""
    plain = {"containers": [{"name": "c", "image": "busybox"}]}
    assert "runAsNonRoot != true" in told(violations(level(), plain))
    assert Path(MANIFESTS[0]).exists()
