"""The local Kubernetes as a component of the stack, and the namespace and Secrets that the DAGs' pods expect there."""

from __future__ import annotations

import base64
import ssl
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import httpx
import tenacity

from baton_local.component import Component
from baton_local.errors import StackError
from baton_local.layout import Layout
from baton_local.postgres import binaries
from plain_yaml import load

NAMESPACE = "baton"
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class LocalCluster:
    """The local Kubernetes of one stack.

    :param isolation: ``auto``, ``mount``, ``user`` or ``none``: how far pods are kept apart from this machine.
    """

    layout: Layout
    port: int
    isolation: str = "auto"
    slow: bool = False

    def component(self) -> Component:
        """The server process; its pods outlive a kill of it and end with an orderly stop."""
        project = self.layout.project
        command = [
            sys.executable, "-m", "local_kubernetes",
            "--state-dir", str(self.layout.kubernetes),
            "--port", str(self.port),
            "--kubeconfig", str(self.layout.kubeconfig),
            "--images", str(project / "include" / "manifests" / "images.yaml"),
            "--image-var", f"project={project}",
            "--image-var", f"venv={sys.prefix}",
            "--image-var", f"postgres={binaries()}",
            "--isolation", self.isolation,
            "--end-pods-on-exit",
            *(["--slow"] if self.slow else []),
        ]  # fmt: skip
        # Its pods are meant to outlive a kill of the server: the next one finds them again.
        return Component("kubernetes", command, self.is_ready, _environment(self.layout), sweeps=False)

    def is_ready(self) -> bool:
        """Whether the API server answers."""
        try:
            with self.client() as client:
                return client.get("/readyz").is_success
        except (OSError, StackError, httpx.HTTPError):
            return False

    def client(self) -> httpx.Client:
        """An HTTP client with the kubeconfig's address, certificate authority and token.

        :raises StackError: there is no kubeconfig (the server never ran).
        """
        try:
            config: dict[str, Any] = load(self.layout.kubeconfig.read_text())
        except FileNotFoundError as err:
            raise StackError("the local Kubernetes has not run yet: start it with ./baton up") from err
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return httpx.Client(
            base_url=cluster["server"],
            headers={"Authorization": f"Bearer {user['token']}"},
            verify=ssl.create_default_context(cadata=authority),
            timeout=10,
        )

    def apply_secrets(self, secrets: dict[str, dict[str, str]]) -> None:
        """Make or replace Secrets: name → key → plain value. They are written nowhere else."""
        with self.client() as client:
            for name, values in secrets.items():
                body = {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": name, "namespace": NAMESPACE},
                    "type": "Opaque",
                    "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
                }
                create_or_replace(client, f"/api/v1/namespaces/{NAMESPACE}/secrets", body)

    def apply_claim(self, name: str, size: str = "1Gi") -> None:
        """Make a claim where it is missing; what is in it stays as long as the stack's state."""
        spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": size}}}
        metadata = {"name": name, "namespace": NAMESPACE, "labels": {"baton.dev/protected": "true"}}
        body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
        path = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
        with self.client() as client:
            if send(client, "GET", f"{path}/{name}", None).status_code == httpx.codes.NOT_FOUND:
                create_or_replace(client, path, body)

    def pods(self) -> list[dict[str, Any]]:
        """The pods of the namespace as they are now.

        :raises StackError: the server does not answer in time.
        """
        with self.client() as client:
            response = send(client, "GET", f"/api/v1/namespaces/{NAMESPACE}/pods", None)
        if response.is_error:
            raise StackError(f"the local Kubernetes does not list its pods: HTTP {response.status_code}")
        items: list[dict[str, Any]] = response.json()["items"]
        return items


def end_pods(layout: Layout) -> None:
    """End the pods that a killed server left running; an orderly stop of the server does that itself."""
    if layout.kubeconfig.exists():
        command = [sys.executable, "-m", "local_kubernetes", "--state-dir", str(layout.kubernetes), "stop-pods"]
        subprocess.run(command, env=_environment(layout), capture_output=True, check=False)


def _environment(layout: Layout) -> dict[str, str]:
    return {"PYTHONPATH": str(layout.project / "include")}


def create_or_replace(client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    """Make an object, or give the one of its name this content.

    :raises StackError: the server refuses it; the message says why.
    """
    response = send(client, "POST", path, body)
    if response.status_code == httpx.codes.CONFLICT:
        response = send(client, "PUT", f"{path}/{body['metadata']['name']}", body)
    if response.is_error and response.status_code != httpx.codes.CONFLICT:
        what = f"{body['kind']} {body['metadata']['name']}"
        message = response.json().get("message", response.text) if response.content else response.reason_phrase
        raise StackError(f"the local Kubernetes refused {what}: {message}")


@tenacity.retry(
    retry=tenacity.retry_if_result(lambda response: response.status_code == 429 or response.is_server_error),
    stop=tenacity.stop_after_delay(_PATIENCE_SECONDS),
    wait=tenacity.wait_random_exponential(multiplier=0.1, max=2),
    retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
)
def send(client: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
    """Send a request until the server is not too busy to answer it; the methods used here may be repeated."""
    return client.request(method, path, json=body)
