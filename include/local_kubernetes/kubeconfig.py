"""The file that tells clients where the server is, whom to trust and which token to send."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml

from plain_yaml import load

from .private_files import write_private

NAME = "local-kubernetes"
_LISTS = {"clusters": "cluster", "users": "user", "contexts": "context"}


class KubeconfigError(Exception):
    """A kubeconfig cannot be read; the message says which and why."""


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
    write_content(path, content)


def write_content(path: Path, content: dict[str, Any]) -> None:
    """Write a kubeconfig (0600) as it is given."""
    write_private(path, yaml.safe_dump(content, sort_keys=False).encode())


def merge(source: Path, target: Path, name: str) -> None:
    """Put a server's entries into another kubeconfig under a name; its other entries and its current context stay.

    :param target: made if missing; a first context becomes the current one.
    :raises KubeconfigError: one of the files is no kubeconfig.
    """
    ours = read(source)
    theirs: dict[str, Any] = read(target) if target.exists() else {"apiVersion": "v1", "kind": "Config"}
    for part, field in _LISTS.items():
        content = dict(ours[part][0][field])
        if part == "contexts":
            content |= {"cluster": name, "user": name}
        kept = [entry for entry in theirs.get(part) or [] if entry.get("name") != name]
        theirs[part] = [*kept, {"name": name, field: content}]
    theirs["current-context"] = theirs.get("current-context") or name
    target.parent.mkdir(parents=True, exist_ok=True)
    write_content(target.resolve(), theirs)


def read(path: Path) -> dict[str, Any]:
    """A kubeconfig's content.

    :raises KubeconfigError: it is none.
    """
    try:
        content = load(path.read_bytes())
    except (OSError, ValueError) as err:
        raise KubeconfigError(f"{path} cannot be read: {err}") from err
    if not isinstance(content, dict) or not all(isinstance(content.get(part) or [], list) for part in _LISTS):
        raise KubeconfigError(f"{path} is no kubeconfig: it has no lists of clusters, users and contexts")
    return content
