"""Run one command of `baton_workloads` in a pod."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from baton.airflow_internals.operators import has_post_execute, pod_labels
from baton.airflow_internals.pods import SIDECAR, SIDECAR_IMAGE, OnFinishAction, PodPhase
from baton.defaults import NAMESPACE, POD_SCHEDULE_SECONDS, POD_START_SECONDS, WORKLOADS_IMAGE
from baton.exceptions import PermanentError, TransientError
from baton.kubernetes.pod_problem import is_wrong_command, problem, refusal
from baton.pools import PODS
from baton.settings import settings
from baton.workloads.restricted import pod_security, restrict
from baton.workloads.trigger import LOGS_WRITTEN, MAY_HOLD_CREDENTIALS, WorkloadTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger
    from kubernetes.client import V1EnvFromSource, V1Pod, V1ResourceRequirements

SIZES = {
    "small": {"cpu": "100m", "memory": "128Mi", "memory_limit": "256Mi"},
    "medium": {"cpu": "250m", "memory": "384Mi", "memory_limit": "768Mi"},
    "large": {"cpu": "1", "memory": "1Gi", "memory_limit": "2Gi"},
}
"""Size → requests and the memory limit. No CPU limit: it would throttle a pod on an idle node."""

PERMANENT_EXIT_CODES = {2: "usage", 65: "data or policy", 78: "configuration"}
"""Exit code → what is wrong. 65 and 78 are EX_DATAERR and EX_CONFIG of sysexits.h; any other one is worth a retry."""

SIDECAR_COMMAND = ["sh", "-c", "trap 'exit 0' INT TERM; while true; do sleep 3600 & wait; done"]
"""The stock one's shell has no handler for SIGTERM: as the first process of its container it ignores it, and a pod that
has succeeded keeps its requests until it is killed, 30 s later. Waiting for a child lets the handler run at once."""

UNFINISHED = (PodPhase.PENDING, PodPhase.RUNNING, PodPhase.UNKNOWN)


_WATCHED = "the pod is watched, not polled"
_AS_IT_COMES = "the base container's log is written as it comes; pass deferrable=False for the stock operator's logs"
NO_EFFECT = {
    "arguments": "give them as `command`",
    "poll_interval": _WATCHED,
    "logging_interval": "the log is followed while the pod runs",
}
"""Argument of the stock operator → why it would have no effect."""
NO_EFFECT_DEFERRED = {
    "startup_check_interval_seconds": _WATCHED,
    "base_container_status_polling_interval": _WATCHED,
    "log_events_on_startup": "what keeps a pod from starting is always logged",
    "container_logs": _AS_IT_COMES,
    "init_container_logs": _AS_IT_COMES,
    "log_formatter": _AS_IT_COMES,
    "container_name_log_prefix_enabled": _AS_IT_COMES,
    "progress_callback": _AS_IT_COMES,
}
"""The same, while the task waits deferred, which it does unless `deferrable=False`."""


class WorkloadOperator(KubernetesPodOperator):
    """Run `python -m baton_workloads {command}` in a pod and return its result.

    One thin step above KubernetesPodOperator, with this project's defaults. Whatever that operator takes can be passed,
    or stand in `default_args`, and wins over a default; what would have no effect here is refused, see `NO_EFFECT`.

    :param command: the command line, `["etl", "export", "--run-key", RUN_KEY]`. (templated)
    :param secret_names: Kubernetes Secrets whose keys become environment variables, by reference.
    :param size: `small`, `medium` or `large`, see `SIZES`.
    :raises ValueError: while the DAG is parsed: an argument would have no effect.
    :returns: the JSON object that the workload wrote as its result.
    :raises AirflowFailException: the workload says that a retry is useless, see `PERMANENT_EXIT_CODES`.
    :raises TransientError: it failed otherwise, was killed or did not start; it is tried again.
    """

    ends_with_its_task = True
    """What the task started is ended when its deferral is refused, see `baton.airflow_internals.refused_deferral`."""

    def __init__(
        self,
        *,
        command: Sequence[str],
        secret_names: Sequence[str] = (),
        size: str = "small",
        **pod_options: Any,
    ) -> None:
        _refuse_without_effect(pod_options)
        shared = {name: value for name, value in (pod_options.get("default_args") or {}).items() if name in _DEFAULTS}
        env_from = [*map(_secret_env, secret_names), *pod_options.pop("env_from", ())]
        own = {"arguments": list(command), "container_resources": _resources(size), "security_context": pod_security()}
        self._trigger_message = ""
        super().__init__(env_from=env_from, **{**_DEFAULTS, **shared, **own, **pod_options})

    def defer(self, *, trigger: BaseTrigger, **options: Any) -> NoReturn:
        """Wait with this project's trigger instead of the stock one, which takes the same arguments."""
        _, stock = trigger.serialize()
        arguments = {name: value for name, value in stock.items() if name not in MAY_HOLD_CREDENTIALS}
        ours = WorkloadTrigger(ends_task=self._trigger_can_end_it(), config_file=self.config_file, **arguments)
        super().defer(trigger=ours, **options)

    def convert_config_file_to_dict(self) -> None:
        """Read no kubeconfig for the trigger, neither `config_file` nor that of `KUBECONFIG`: its content would be
        stored with the trigger. The trigger gets the path.
        """

    def build_pod_request_obj(self, context: Context | None = None, **options: Any) -> V1Pod:
        """Build the pod as the stock operator does, with a side-car of ours, for a namespace that restricts pods."""
        pod = super().build_pod_request_obj(context, **options)
        for container in pod.spec.containers:
            if container.name == SIDECAR:
                container.command = SIDECAR_COMMAND
                if container.image == SIDECAR_IMAGE:  # else the connection names one
                    container.image = settings().sidecar_image or WORKLOADS_IMAGE
        restrict(pod, self.base_container_name)
        return pod

    def _trigger_can_end_it(self) -> bool:
        """Say whether nothing is left to do on a worker when the pod has succeeded."""
        left_to_do = (self.outlets, self.callbacks, self.multiple_outputs, has_post_execute(self))
        deletes_pod = self.on_finish_action in (OnFinishAction.DELETE_POD, OnFinishAction.DELETE_SUCCEEDED_POD)
        return self.do_xcom_push and deletes_pod and not any(left_to_do)

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> Any:
        """Take over from the trigger: read the result, clean up, name the error."""
        if event["status"] == "timeout":
            self._end_late_pod(event)
        self.get_logs = self.get_logs and not event.get(LOGS_WRITTEN)
        self._trigger_message = event.get("message", "")
        return super().trigger_reentry(context, event)

    def _end_late_pod(self, event: dict[str, Any]) -> NoReturn:
        """Delete a pod that ran out of time. The stock operator would follow its log until it ends by itself."""
        from kubernetes.client import V1ObjectMeta, V1Pod

        metadata = V1ObjectMeta(name=event["name"], namespace=event["namespace"])
        self.pod_manager.delete_pod(V1Pod(metadata=metadata))
        raise TransientError(f"pod {event['name']} was stopped: {event['message']}")

    def cleanup(
        self, pod: V1Pod, remote_pod: V1Pod, xcom_result: dict[str, Any] | None = None, context: Context | None = None
    ) -> None:
        """Do what the stock operator does, then say by the exit code whether a retry is worth it."""
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowSkipException:
            raise
        except AirflowException as err:
            self._raise_by_exit_code(remote_pod, err)

    def _raise_by_exit_code(self, pod: V1Pod, err: AirflowException) -> NoReturn:
        ended = self._ended_container(pod)
        if ended is None:
            why = self._trigger_message or self._problem(pod) or str(err)
            if pod.status.phase in UNFINISHED:  # its image may still come, and then it would run for nobody
                self.pod_manager.delete_pod(pod)
            raise TransientError(f"pod {pod.metadata.name} did not run to its end: {why}") from err
        message = f"pod {pod.metadata.name} ended with exit code {ended.exit_code}{_last_words(pod, ended)}"
        if is_wrong_command(ended):
            raise AirflowFailException(f"{message} (the image has no such program; not retried)") from err
        if ended.exit_code in PERMANENT_EXIT_CODES:
            raise AirflowFailException(f"{message} ({PERMANENT_EXIT_CODES[ended.exit_code]}; not retried)") from err
        raise TransientError(message) from err

    def _problem(self, pod: V1Pod) -> str:
        """What the pod and its events say, as long as it is there."""
        from kubernetes.client import ApiClient, ApiException
        from urllib3.exceptions import HTTPError

        plain, events = ApiClient().sanitize_for_serialization, []
        with suppress(ApiException, HTTPError):  # an account that may not list them
            events = plain(self.pod_manager.read_pod_events(pod).items)
        return problem(plain(pod), events)

    def _ended_container(self, pod: V1Pod) -> Any:
        statuses = (pod.status and pod.status.container_statuses) or []
        return next((status.state.terminated for status in statuses if status.name == self.base_container_name), None)

    def get_or_create_pod(self, pod_request_obj: V1Pod, context: Context) -> V1Pod:
        """Start a new pod, after deleting what an earlier try of this task instance left running.

        Why not adopt it, as the stock operator does: while the task is deferred no worker can die and leave a pod
        behind, so what is found here was cleared by somebody, may be on its way out or of an older version of the DAG.
        Workloads can be repeated. Pass `durable=True` to get the stock behaviour.
        """
        if self.durable:
            return super().get_or_create_pod(pod_request_obj, context)
        for pod in self._unfinished_pods(pod_request_obj.metadata.namespace, context):
            self.log.info("Deleting pod %s of an earlier try", pod.metadata.name)
            self.pod_manager.delete_pod(pod)
        from kubernetes.client import ApiException

        try:
            self.pod_manager.create_pod(pod=pod_request_obj)
        except ApiException as err:
            refused = refusal(err, f"pod {pod_request_obj.metadata.name}")
            if isinstance(refused, PermanentError):
                raise AirflowFailException(str(refused)) from err
            raise refused or err from err
        return pod_request_obj

    def _unfinished_pods(self, namespace: str, context: Context) -> list[V1Pod]:
        selector = pod_labels(self, context)
        pods = self.client.list_namespaced_pod(namespace, label_selector=selector).items
        return [pod for pod in pods if pod.status.phase in UNFINISHED]


_DEFAULTS: dict[str, Any] = {
    "image": WORKLOADS_IMAGE,
    "namespace": NAMESPACE,
    "cmds": ["python", "-m", "baton_workloads"],
    "pool": PODS.name,
    "deferrable": True,
    "durable": False,
    "do_xcom_push": True,
    "startup_check_interval_seconds": 1,
    "schedule_timeout_seconds": POD_SCHEDULE_SECONDS,
    "startup_timeout_seconds": POD_START_SECONDS,
    "on_finish_action": "delete_succeeded_pod",
    "termination_message_policy": "FallbackToLogsOnError",
    "log_pod_spec_on_failure": False,
    "image_pull_policy": "IfNotPresent",
    "automount_service_account_token": False,
}


def _refuse_without_effect(pod_options: dict[str, Any]) -> None:
    """Refuse what its author believes to have an effect. In `default_args` it may be there for other operators."""
    shared = pod_options.get("default_args") or {}
    is_deferred = pod_options.get("deferrable", shared.get("deferrable", True))
    for name, why in (NO_EFFECT | (NO_EFFECT_DEFERRED if is_deferred else {})).items():
        if name in pod_options:
            raise ValueError(f"{name} has no effect on a WorkloadOperator: {why}; leave it out")


def _last_words(pod: V1Pod, ended: Any) -> str:
    """The last line of what the workload said, after what the cluster says of its end."""
    reasons = [reason for reason in (pod.status.reason, ended.reason) if reason and reason != "Error"]
    said = (ended.message or "").strip().splitlines()[-1:]
    return "".join(f": {part}" for part in dict.fromkeys([*reasons, *said]))


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
