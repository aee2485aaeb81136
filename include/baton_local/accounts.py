"""The accounts that this project's parts have on a cluster, with the rights of `deploy/kubernetes`, on the local one.

Why not one account that may do everything: a right that a DAG needs and `deploy/kubernetes` does not give would show
only on a real cluster.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx

from baton_local.errors import StackError
from baton_local.layout import Layout
from baton_local.local_cluster import NAMESPACE, LocalCluster, create_or_replace, send
from local_kubernetes import kubeconfig
from plain_yaml import load

AIRFLOW_NAMESPACE = "airflow"
"""Where a Helm release called airflow has its accounts."""
ACCOUNTS = {
    "scheduler": "airflow-scheduler",
    "triggerer": "airflow-triggerer",
    "api-server": "airflow-api-server",
    "dag-processor": "airflow-dag-processor",
}
"""Component of Airflow -> its account. Tasks run in the scheduler, as the executor here is the LocalExecutor."""
BACKUP = "baton-backup"
_ENFORCE = "pod-security.kubernetes.io/enforce"
_FILES = ("namespace.yaml", "access.yaml", "backup-access.yaml", "incidents.yaml")
_YEAR_SECONDS = 365 * 24 * 3600
_PLURALS = {"ServiceAccount": "serviceaccounts", "Namespace": "namespaces"}
_CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding", "Namespace")


def kubeconfig_of(layout: Layout, component: str) -> Path:
    """Return the kubeconfig with which a component of Airflow reaches the local Kubernetes."""
    return layout.kubernetes / f"{ACCOUNTS[component]}.kubeconfig"


def make(cluster: LocalCluster, *, restricted: bool) -> None:
    """Make the namespaces, accounts and Roles, and write each component's kubeconfig.

    :param restricted: whether pods that violate the namespace's level are refused; else their makers are warned.
    :raises StackError: the local Kubernetes refuses something.
    """
    layout = cluster.layout
    with cluster.client() as client:
        _apply(client, _namespace(AIRFLOW_NAMESPACE))
        for account in ACCOUNTS.values():
            _apply(client, {**_account(account), "metadata": {"name": account, "namespace": AIRFLOW_NAMESPACE}})
        for body in manifests(layout.project):
            if body["kind"] == "Namespace" and not restricted:
                del body["metadata"]["labels"][_ENFORCE]
            _apply(client, body)
        for component, account in ACCOUNTS.items():
            _write(layout, kubeconfig_of(layout, component), _token(client, AIRFLOW_NAMESPACE, account))
        _write(layout, layout.kubernetes / f"{BACKUP}.kubeconfig", _token(client, NAMESPACE, BACKUP))


def manifests(project: Path) -> list[dict[str, Any]]:
    """Return what `deploy/kubernetes` says of the namespace and who may do what there, as its kustomization does."""
    found = []
    for name in _FILES:
        documents = re.split(r"^---$", (project / "deploy" / "kubernetes" / name).read_text(), flags=re.MULTILINE)
        for body in filter(None, map(load, documents)):
            if body["kind"] not in _CLUSTER_WIDE:
                body["metadata"]["namespace"] = NAMESPACE
            for subject in body.get("subjects") or []:
                subject.setdefault("namespace", NAMESPACE)
            found.append(body)
    return found


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _account(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


def _apply(client: httpx.Client, body: dict[str, Any]) -> None:
    version, kind, namespace = body["apiVersion"], body["kind"], body["metadata"].get("namespace")
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    place = f"/namespaces/{namespace}" if namespace else ""
    create_or_replace(client, f"{root}{place}/{_PLURALS.get(kind) or kind.lower() + 's'}", body)


def _token(client: httpx.Client, namespace: str, account: str) -> str:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    answer = send(client, "POST", path, {**asked, "spec": {"expirationSeconds": _YEAR_SECONDS}})
    if answer.is_error:
        raise StackError(f"the local Kubernetes gives the account {account} no token: HTTP {answer.status_code}")
    return str(answer.json()["status"]["token"])


def _write(layout: Layout, path: Path, token: str) -> None:
    content = kubeconfig.read(layout.kubeconfig)
    content["users"][0]["user"] = {"token": token}
    kubeconfig.write_content(path, content)
