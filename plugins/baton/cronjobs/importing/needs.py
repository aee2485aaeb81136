"""What CronJobs need beside themselves in a cluster, and which of it is not there.

A pod whose Secret, ConfigMap, claim or account is missing waits without an end; without its namespace there is no Job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from baton.cronjobs.manifests.cronjob import CronJob

NAMESPACE = "Namespace"
_BY_NAME = {
    "secretKeyRef": "Secret",
    "secretRef": "Secret",
    "configMapKeyRef": "ConfigMap",
    "configMapRef": "ConfigMap",
    "configMap": "ConfigMap",
}
"""Field that refers to an object by `name` → the kind of object."""


@dataclass(frozen=True, order=True)
class Need:
    """An object that a CronJob's pods need.

    :param namespace: where it has to be; for a namespace its own name.
    """

    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        """As in a sentence."""
        return f"{self.kind} {self.name}" + ("" if self.kind == NAMESPACE else f" in namespace {self.namespace}")


def needs_of(cronjob: CronJob, default_namespace: str) -> set[Need]:
    """What a CronJob needs: its namespace, and what its pods refer to and may not do without."""
    space = cronjob.manifest.namespace or default_namespace
    spec = cronjob.pod_spec
    found = {Need(space, kind, name) for kind, name in _references(spec)}
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account and account != "default":
        found.add(Need(space, "ServiceAccount", account))
    pull = [each["name"] for each in spec.get("imagePullSecrets") or [] if each and each.get("name")]
    found |= {Need(space, "Secret", name) for name in pull}
    return found | {Need(space, NAMESPACE, space)}


def missing(
    cronjobs: Iterable[CronJob], default_namespace: str, exists: Callable[[Need], bool | None]
) -> dict[Need, list[str]]:
    """What is not there → the CronJobs that need it; of a missing namespace only that.

    :param exists: None where it cannot be told, as without the right to look.
    """
    wanted: dict[Need, list[str]] = {}
    for cronjob in cronjobs:
        for need in needs_of(cronjob, default_namespace):
            wanted.setdefault(need, []).append(cronjob.key)
    gone = {need.namespace for need in wanted if need.kind == NAMESPACE and exists(need) is False}
    lacking = [need for need in wanted if need.namespace not in gone and exists(need) is False]
    spaces = [Need(space, NAMESPACE, space) for space in gone]
    return {need: sorted(wanted[need]) for need in sorted([*spaces, *lacking])}


def _references(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    if not isinstance(value, dict):
        return
    for field, inner in value.items():
        if isinstance(inner, dict) and not inner.get("optional"):
            if field in _BY_NAME and inner.get("name"):
                yield _BY_NAME[field], str(inner["name"])
            elif field == "secret" and (name := inner.get("secretName") or inner.get("name")):  # a volume, or a part
                yield "Secret", str(name)
            elif field == "persistentVolumeClaim" and inner.get("claimName"):
                yield "PersistentVolumeClaim", str(inner["claimName"])
        yield from _references(inner)
