"""The stages of the warehouse chain as tasks: which command, which Secret, which policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from baton.workloads.etl_policies import policies_env
from baton.workloads.operator import WorkloadOperator

SECRETS = {
    "export": "baton-export",
    "transform": "baton-transform",
    "load": "baton-load",
    "validate": "baton-validate",
    "purge-raw": "baton-purge",
}
"""Stage → the one Secret that it gets: each stage has credentials for its own buckets and database only."""


def stage(
    name: str,
    *arguments: str,
    manifests: Iterable[str] = (),
    policies: Mapping[str, Mapping[str, Any]] | None = None,
    **options: Any,
) -> WorkloadOperator:
    """Return the task that runs `baton_workloads etl {name}`; its id is the stage's name.

    :param arguments: the stage's own arguments. (templated)
    :param manifests: URIs of the manifests that the stage reads. (templated)
    :param policies: what the stage may know of the policies, dataset → policy.
    :param options: passed to the operator.
    """
    flags = [word for uri in manifests for word in ("--manifest", uri)]
    return WorkloadOperator(
        task_id=name.replace("-", "_"),
        command=["etl", name, *arguments, *flags],
        secret_names=[SECRETS[name]],
        env_vars=policies_env(policies) if policies else None,
        **options,
    )
