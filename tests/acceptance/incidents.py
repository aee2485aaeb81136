"""Workloads in trouble on a running stack, and what DAGs leave about them."""

import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import boto3
import pytest
from tests.acceptance.chain import RUN_SECONDS, await_value

from baton_local.object_store import REGION, stage_key
from baton_local.stack import Stack

NAMESPACE = "baton"
RESTRICTED_POD = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
RESTRICTED_CONTAINER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"


def deployment(name: str, command: list[str], *, image: str = "busybox", **metadata: Any) -> dict[str, Any]:
    """A Deployment of one pod, which the slow cluster does not evict."""
    labels = {"app": name}
    spared = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    restarted = {"fieldRef": {"fieldPath": "metadata.annotations['kubectl.kubernetes.io/restartedAt']"}}
    container = {"name": "app", "image": image, "command": command}
    container["env"] = [{"name": "RESTARTED_AT", "valueFrom": restarted}]  # type: ignore[assignment]
    container["securityContext"] = RESTRICTED_CONTAINER  # type: ignore[assignment]
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container], "securityContext": RESTRICTED_POD}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, **metadata},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": spared}, "spec": spec},
        },
    }


@contextmanager
def deployed(stack: Stack, body: dict[str, Any]) -> Iterator[str]:
    """A Deployment for as long as a block lasts; gives its name."""
    name: str = body["metadata"]["name"]
    ask(stack, "POST", DEPLOYMENTS, json=body)
    try:
        yield name
    finally:
        ask(stack, "DELETE", f"{DEPLOYMENTS}/{name}")


def ask(stack: Stack, method: str, path: str, **options: Any) -> dict[str, Any]:
    """One request to the cluster, repeated while a slow one refuses it."""

    def answer() -> dict[str, Any] | None:
        with stack.cluster.client() as client:
            response = client.request(method, path, **options)
        if response.status_code in (409, 410, 429, 500, 504) and not (method == "POST" and response.status_code == 409):
            return None
        return dict(response.json())

    return await_value(answer, 30)


def is_crashing(pods: list[dict[str, Any]]) -> bool:
    """Whether a container has ended again after a restart."""
    statuses = [status for pod in pods for status in pod["status"].get("containerStatuses") or ()]
    return any(status["restartCount"] and "terminated" in status["state"] for status in statuses)


def pods(stack: Stack, name: str) -> list[dict[str, Any]]:
    """The pods of a Deployment."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3D{name}"
    found: list[dict[str, Any]] = ask(stack, "GET", path)["items"]
    return found


def s3(stack: Stack) -> Any:
    """A client with the rights of Airflow's connection."""
    key = stage_key(stack.credentials.master_key, "airflow")
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{stack.ports.object_store}",
        region_name=REGION,
        aws_access_key_id=key.key_id,
        aws_secret_access_key=key.secret,
    )


def archives(client: Any) -> set[str]:
    """The keys of all archives."""
    return {item["Key"] for item in client.list_objects_v2(Bucket="diagnostics").get("Contents", [])}


def files(client: Any, key: str) -> dict[str, str]:
    """The files of an archive."""
    content = client.get_object(Bucket="diagnostics", Key=key)["Body"].read()
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def messages(stack: Stack, word: str) -> list[dict[str, Any]]:
    """The messages to the channel #alerts that hold a word, the oldest first."""
    texts = [path.read_text() for path in sorted(stack.layout.slack.glob("*-_alerts.json"))]
    return [json.loads(text) for text in texts if word in text]


def ended(stack: Stack, dag_id: str, run_id: str, seconds: float = RUN_SECONDS) -> str:
    """Wait for a run's end; returns its state."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state: str = stack.api.run(dag_id, run_id)["state"]
        if state in ("success", "failed"):
            return state
        time.sleep(0.1)
    pytest.fail(f"{dag_id} {run_id} has not ended within {seconds} s")
