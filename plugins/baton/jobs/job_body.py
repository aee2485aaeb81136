"""The Job that a template becomes. Everything that is not the template's stands here, and nowhere else.

Added to the template: the name, the namespace, the annotations below, and the owner where the CronJob is in the
cluster. Labels and spec stay as they were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from baton.jobs.source import JobTemplate
from baton.jobs.tick import scheduled_timestamp

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
CRON_JOB = "baton.dev/cronjob"
"""The CronJob's name: a Job made here has no owner where the CronJob is not in the cluster."""
RUN = "baton.dev/run"
"""The task's run that made the Job."""


def job_body(
    template: JobTemplate, *, name: str, namespace: str, run: str, tick: datetime | None, time_zone: str | None
) -> dict[str, Any]:
    """Return the Job to create.

    :param run: what names the task's run, the same over its tries.
    :param tick: None for a run without one.
    """
    annotations = {**template.metadata.get("annotations", {}), CRON_JOB: template.name, RUN: run}
    if tick is not None:
        annotations[SCHEDULED_AT] = scheduled_timestamp(tick, time_zone)
    metadata = {**template.metadata, "name": name, "namespace": namespace, "annotations": annotations}
    if template.owner is not None:
        metadata["ownerReferences"] = [template.owner]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template.spec}


def cron_job_of(job: Mapping[str, Any]) -> str | None:
    """Return the name of the CronJob that a Job belongs to, made by the controller or here."""
    metadata = job["metadata"]
    owners = metadata.get("ownerReferences") or []
    owner = next((each["name"] for each in owners if each.get("controller") and each["kind"] == "CronJob"), None)
    name = owner or (metadata.get("annotations") or {}).get(CRON_JOB)
    return str(name) if name else None
