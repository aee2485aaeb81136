"""A CronJob that can become a DAG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baton.cronjobs.manifests.files import Manifest
from baton.cronjobs.manifests.settings import Settings


@dataclass(frozen=True)
class CronJob:
    """A CronJob that can become a DAG.

    :param key: its name, and before it its namespace where several have one of that name: `billing.export`.
    """

    key: str
    manifest: Manifest
    settings: Settings

    @property
    def name(self) -> str:
        """Its name in Kubernetes."""
        return self.manifest.name

    @property
    def schedule(self) -> str:
        """`spec.schedule`."""
        return str(self.manifest.spec["schedule"])

    @property
    def time_zone(self) -> str | None:
        """`spec.timeZone`."""
        return self.manifest.spec.get("timeZone")

    @property
    def starting_deadline_seconds(self) -> int | None:
        """`spec.startingDeadlineSeconds`."""
        return self.manifest.spec.get("startingDeadlineSeconds")

    @property
    def is_suspended(self) -> bool:
        """`spec.suspend`."""
        return bool(self.manifest.spec.get("suspend"))

    @property
    def concurrency_policy(self) -> str:
        """`spec.concurrencyPolicy`."""
        return self.manifest.spec.get("concurrencyPolicy") or "Allow"

    @property
    def pod_spec(self) -> dict[str, Any]:
        """`spec.jobTemplate.spec.template.spec`."""
        spec: dict[str, Any] = self.manifest.spec["jobTemplate"]["spec"]["template"]["spec"]
        return spec

    @property
    def images(self) -> list[str]:
        """Of its containers, first those that initialise."""
        pod = self.pod_spec
        containers = [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]
        return [container["image"] for container in containers]
