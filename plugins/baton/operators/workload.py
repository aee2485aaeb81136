"""Run one command of `baton_workloads` in a pod."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

from baton.defaults import NAMESPACE, WORKLOADS_IMAGE
from baton.pools import PODS

if TYPE_CHECKING:
    from kubernetes.client import V1EnvFromSource, V1ResourceRequirements

SIZES = {
    "small": {"cpu": "100m", "memory": "128Mi", "memory_limit": "256Mi"},
    "medium": {"cpu": "250m", "memory": "384Mi", "memory_limit": "768Mi"},
    "large": {"cpu": "1", "memory": "1Gi", "memory_limit": "2Gi"},
}
"""Size → requests and the memory limit. No CPU limit: it would throttle a pod on an idle node."""


class WorkloadOperator(KubernetesPodOperator):
    """Run `python -m baton_workloads {command}` in a pod and return its result.

    One thin step above KubernetesPodOperator, with this project's defaults. Whatever that operator takes can be passed
    and wins over a default.

    :param command: the command line, `["etl", "export", "--run-key", RUN_KEY]`. (templated)
    :param secret_names: Kubernetes Secrets whose keys become environment variables, by reference. (templated)
    :param size: `small`, `medium` or `large`, see `SIZES`.
    :returns: the JSON object that the workload wrote as its result.
    """

    def __init__(
        self,
        *,
        command: Sequence[str],
        secret_names: Sequence[str] = (),
        size: str = "small",
        **pod_options: Any,
    ) -> None:
        env_from = [*pod_options.pop("env_from", ()), *map(_secret_env, secret_names)]
        super().__init__(
            **{**_DEFAULTS, "container_resources": _resources(size), **pod_options},
            cmds=["python", "-m", "baton_workloads"],
            arguments=list(command),
            env_from=env_from,
        )


_DEFAULTS: dict[str, Any] = {
    "image": WORKLOADS_IMAGE,
    "namespace": NAMESPACE,
    "pool": PODS.name,
    "deferrable": True,
    "do_xcom_push": True,
    "poll_interval": 0.2,
    "startup_check_interval_seconds": 1,
    "on_finish_action": "delete_succeeded_pod",
    "termination_message_policy": "FallbackToLogsOnError",
    "log_pod_spec_on_failure": False,
    "image_pull_policy": "IfNotPresent",
    "automount_service_account_token": False,
}


def _secret_env(name: str) -> V1EnvFromSource:
    from kubernetes.client import V1EnvFromSource, V1SecretEnvSource

    return V1EnvFromSource(secret_ref=V1SecretEnvSource(name=name))


def _resources(size: str) -> V1ResourceRequirements:
    from kubernetes.client import V1ResourceRequirements

    amounts = SIZES[size]
    return V1ResourceRequirements(
        requests={"cpu": amounts["cpu"], "memory": amounts["memory"]},
        limits={"memory": amounts["memory_limit"]},
    )
