"""The file that tells clients where the server is, whom to trust and which token to send."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from .pki import write_private

NAME = "local-kubernetes"


def write(path: Path, *, port: int, authority: Path, token: str, namespace: str) -> None:
    """Write a kubeconfig (0600) with everything in it; an existing file is replaced in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": base64.b64encode(authority.read_bytes()).decode(),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": [{"name": NAME, "user": {"token": token}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": namespace}}],
        "current-context": NAME,
    }
    write_private(path, yaml.safe_dump(content, sort_keys=False).encode())
