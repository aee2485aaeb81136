"""The Job that a template becomes. Everything that is not the template's stands here, and nowhere else.

Added to the template: the name, the namespace, the annotations below, and the owner where the CronJob is in the
cluster. Labels and spec stay as they were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from baton.cronjobs.run.job_state import end_of
from baton.cronjobs.run.tick import scheduled_timestamp
from baton.cronjobs.templates.source import JobTemplate

Object = dict[str, Any]

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
CRON_JOB = "baton.dev/cronjob"
"""The CronJob's name: a Job made here has no owner where the CronJob is not in the cluster."""
RUN = "baton.dev/run"
"""The task's run that made the Job."""
CLEARED = "baton.dev/cleared"
"""After how many tries the task was cleared last; absent if it never was. A Job of an earlier time is run again."""


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task of one DAG run, over all its tries.

    :param identity: names it.
    :param cleared: after how many tries it was cleared last, 0 if it never was.
    """

    identity: str
    cleared: int = 0


def job_body(
    template: JobTemplate, *, name: str, namespace: str, run: TaskRun, tick: datetime | None, time_zone: str | None
) -> Object:
    """Return the Job to create.

    :param tick: None for a run without one.
    :param time_zone: in which the tick is written.
    """
    annotations = {**template.metadata.get("annotations", {}), CRON_JOB: template.name, RUN: run.identity}
    if run.cleared:
        annotations[CLEARED] = str(run.cleared)
    if tick is not None:
        annotations[SCHEDULED_AT] = scheduled_timestamp(tick, time_zone)
    metadata = {**template.metadata, "name": name, "namespace": namespace, "annotations": annotations}
    if template.owner is not None:
        metadata["ownerReferences"] = [template.owner]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template.spec}


def task_run_of(job: Mapping[str, Any]) -> TaskRun | None:
    """Return the task's run that made a Job, None if none did."""
    annotations = job["metadata"].get("annotations") or {}
    if RUN not in annotations:
        return None
    cleared = str(annotations.get(CLEARED, "0"))
    return TaskRun(annotations[RUN], int(cleared) if cleared.isdecimal() else 0)


def counts_as_running(job: Mapping[str, Any], cron_job: str) -> bool:
    """Say whether a Job blocks the next one of its CronJob: it took a turn, and has not ended."""
    return took_a_turn(job, cron_job) and end_of(job) is None


def took_a_turn(job: Mapping[str, Any], cron_job: str) -> bool:
    """Say whether a Job was started by a tick of its CronJob or by a task.

    One that somebody made with `kubectl create job --from` was not: as for the controller, it neither waits for a turn
    nor takes one.
    """
    annotations = job["metadata"].get("annotations") or {}
    return (SCHEDULED_AT in annotations or RUN in annotations) and cron_job_of(job) == cron_job


def cron_job_of(job: Mapping[str, Any]) -> str | None:
    """Return the name of the CronJob that a Job belongs to, made by the controller or here."""
    metadata = job["metadata"]
    owners = metadata.get("ownerReferences") or []
    owner = next((each["name"] for each in owners if each.get("controller") and each["kind"] == "CronJob"), None)
    name = owner or (metadata.get("annotations") or {}).get(CRON_JOB)
    return str(name) if name else None
