"""Rights: what `deploy/kubernetes` grants, what the accounts used of it, and what is missing or too much.

The local Kubernetes notes each right that an account uses or is refused (`rights-used.jsonl`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from local_kubernetes.access.use import FILE


class Right(NamedTuple):
    """One verb on one resource, `pods/log` or `jobs.batch`."""

    verb: str
    resource: str

    def __str__(self) -> str:
        """As a sentence has it."""
        return f"{self.verb} {self.resource}"


REFUSED_ON_PURPOSE = {
    Right("list", "persistentvolumes"): "clean_up_cluster also reports Released volumes where it may",
    Right("list", "pods.metrics.k8s.io"): "a metrics server is not everywhere",
}
"""Right -> why it is tried without being granted."""


def granted(manifests: Iterable[dict[str, Any]], role: str) -> set[Right]:
    """What a Role of the manifests gives."""
    [found] = [m for m in manifests if m["kind"] in ("Role", "ClusterRole") and m["metadata"]["name"] == role]
    return {
        Right(verb, f"{resource}.{group}" if group else resource)
        for rule in found["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(state: Path, *, allowed: bool = True) -> dict[Right, set[str]]:
    """What accounts used, or were refused, on a stack: right -> accounts."""
    found: dict[Right, set[str]] = {}
    path = state / "kubernetes" / FILE
    for line in path.read_text().splitlines() if path.exists() else ():
        entry = json.loads(line)
        if entry["allowed"] == allowed:
            resource = entry["resource"] + (f".{entry['group']}" if entry["group"] else "")
            found.setdefault(Right(entry["verb"], resource), set()).add(entry["account"])
    return found


def missing(state: Path) -> list[str]:
    """Rights that were wanted and not granted, in words."""
    refused = used(state, allowed=False)
    return [
        f"{right} is not granted to {', '.join(sorted(accounts))}"
        for right, accounts in sorted(refused.items())
        if right not in REFUSED_ON_PURPOSE
    ]


def superfluous(given: set[Right], needed: Iterable[Right]) -> list[str]:
    """Rights that are granted and that nothing needs, in words."""
    return [f"{right} is granted, and nothing uses it" for right in sorted(given - set(needed))]
