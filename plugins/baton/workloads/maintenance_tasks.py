"""The workloads of maintenance as tasks: which command, which Secret, which params as options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import Param

from baton.data_file import read_data
from baton.exceptions import PermanentError
from baton.json_variable import json_variable
from baton.settings import settings
from baton.workloads.operator import WorkloadOperator

SECRETS = {
    "vacuum": "baton-maintain",
    "reindex": "baton-maintain",
    "delete-sessions": "baton-cleanup",
    "delete-job-executions": "baton-cleanup",
    "delete-report-files": "baton-cleanup",
    "rotate-logs": "baton-cleanup",
    "warm": "baton-warm",
}
"""Workload → the one Secret that it gets."""

DRY_RUN = ["--{{ '' if params.dry_run else 'no-' }}dry-run"]
"""The param `dry_run` as an option."""

LIMITED = ["--run", "{{ run_id }}", "--limit", "{{ params.limit }}", *DRY_RUN]
"""The options of what deletes: all tries of a run share the param `limit`."""


def maintenance_params(limit: int | None = None) -> dict[str, Param]:
    """Return the params `dry_run` and, for what deletes, `limit`."""
    params = {"dry_run": Param(False, type="boolean", description="Say what is due; change nothing.")}
    if limit is not None:
        description = "What one run of a task deletes at most, over all of its tries."
        params["limit"] = Param(limit, type="integer", minimum=0, description=description)
    return params


def read_plan(path: Path) -> dict[str, str]:
    """Return the environment variable that carries the plan to warm caches into a pod.

    :raises PermanentError: the file is no mapping.
    """
    content = read_data(path)
    if not isinstance(content, dict):
        raise PermanentError(f"{path.name} is not a mapping: it has addresses, concurrency, per_second …")
    return {"BATON_WARM_PLAN": json_variable(content)}


def logs_volume() -> dict[str, Any]:
    """Return the options that mount the claim with the logs; the setting `logs_claim` names it."""
    from kubernetes.client import V1PersistentVolumeClaimVolumeSource, V1Volume, V1VolumeMount

    source = V1PersistentVolumeClaimVolumeSource(claim_name=settings().logs_claim)
    return {
        "volumes": [V1Volume(name="logs", persistent_volume_claim=source)],
        "volume_mounts": [V1VolumeMount(name="logs", mount_path="/logs")],
    }


def maintain(name: str, *arguments: str, **options: Any) -> WorkloadOperator:
    """Return the task that runs `baton_workloads maintenance {name}`.

    :param arguments: the workload's own arguments. (templated)
    :param options: passed to the operator; `task_id` is the workload's name where not given.
    """
    options.setdefault("task_id", name.replace("-", "_"))
    return WorkloadOperator(command=["maintenance", name, *arguments], secret_names=[SECRETS[name]], **options)
