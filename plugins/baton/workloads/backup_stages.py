"""The stages of a backup as tasks: which command, which Secret, which templates carry one's result to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baton.defaults import NAMESPACE
from baton.workloads.operator import WorkloadOperator

SECRETS = {
    "dump": "baton-backup",
    "export-cluster": "baton-cluster",
    "snapshot-volumes": "baton-cluster",
    "archive-files": "baton-backup",
    "seal": "baton-backup",
    "verify": "baton-prove",
    "drill": "baton-prove",
    "prune": "baton-backup",
    "prune-snapshots": "baton-cluster",
    "replicate": "baton-replicate",
}
"""Stage → the one Secret that it gets. Who makes backups cannot open them, who proves them cannot read the shop."""


def retention(params: Mapping[str, int]) -> list[str]:
    """Return the options of `prune` and `replicate` that say what is kept.

    :param params: those params of the DAG; each has the name of an option, see `baton_workloads backup prune --help`.
    """
    return [word for name in params for word in (f"--{name}", f"{{{{ params.{name} }}}}")]


def backup_stage(name: str, *arguments: str, **options: Any) -> WorkloadOperator:
    """Return the task that runs `baton_workloads backup {name}`.

    :param arguments: the stage's own arguments. (templated)
    :param options: passed to the operator; `task_id` is the stage's name where not given.
    """
    options.setdefault("task_id", name.replace("-", "_"))
    if SECRETS[name] == "baton-cluster":
        options |= {
            "service_account_name": "baton-backup",
            "automount_service_account_token": True,
            "env_vars": {"BATON_NAMESPACE": NAMESPACE},
        }
    return WorkloadOperator(command=["backup", name, *arguments], secret_names=[SECRETS[name]], **options)


def backup_check() -> WorkloadOperator:
    """Return the task that says at once what the drill at the end of the night would lack.

    Why one key of the prover's Secret and not all of it: whoever reads the source is never able to open backups.
    """
    from baton.airflow_internals.pods import Secret

    scratch = Secret("env", "BATON_SCRATCH_DSN", "baton-prove", "BATON_SCRATCH_DSN")  # type: ignore[no-untyped-call]
    return WorkloadOperator(
        task_id="check_drill", command=["backup", "check"], secret_names=["baton-backup"], secrets=[scratch]
    )


def parts_of(task: WorkloadOperator) -> list[str]:
    """Return the arguments that hand a stage's parts to `seal`."""
    return ["--part", f"{{{{ ti.xcom_pull(task_ids={task.task_id!r})['parts'] | join(' ') }}}}"]


def sealed_backup() -> list[str]:
    """Return the arguments by which a stage knows the backup of this run, and notices another one in its place."""
    sealed = "ti.xcom_pull(task_ids='seal')"
    return [
        f"{{{{ {sealed}['backup'] }}}}",
        "--digest", f"{{{{ {sealed}['digest'] }}}}",
        "--not-before", "{{ dag_run.run_after.isoformat() }}",
    ]  # fmt: skip


def kept_snapshots(prune: WorkloadOperator) -> str:
    """Return the template of the volume snapshots that `prune` has left a backup for."""
    return f"{{{{ ti.xcom_pull(task_ids={prune.task_id!r})['kept_snapshots'] | join(' ') }}}}"
