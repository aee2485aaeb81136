"""WorkloadOperator: the pod it asks for, and what it makes of the pod's end."""

import json

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException

from baton.exceptions import TransientError
from baton.operators.workload import SIZES, WorkloadOperator
from baton.triggers.workload import WorkloadTrigger

k8s = pytest.importorskip("kubernetes.client")


@pytest.fixture(autouse=True)
def connection(monkeypatch):
    """Airflow looks for the connection; nothing here connects."""
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes"}))


def operator(**options):
    return WorkloadOperator(**{"task_id": "export", "command": ["etl", "export"], **options})


def requested_pod(**options):
    pod = operator(**options).build_pod_request_obj(dry_run=True)
    return k8s.ApiClient().sanitize_for_serialization(pod)


def base_container(**options):
    return requested_pod(**options)["spec"]["containers"][0]


def test_command_is_a_command_line_of_the_workloads():
    """The image's entry point does not matter."""
    container = base_container(command=["etl", "load", "--manifest", "s3://x"])
    assert container["command"] == ["python", "-m", "baton_workloads"]
    assert container["args"] == ["etl", "load", "--manifest", "s3://x"]


def test_secrets_come_by_reference_only():
    """The pod names the Secret; its values never pass through Airflow."""
    container = base_container(secret_names=["baton-load"])
    assert container["envFrom"] == [{"secretRef": {"name": "baton-load"}}]
    assert "env" not in container or container["env"] == []


@pytest.mark.parametrize("size", SIZES)
def test_size_sets_requests_and_a_memory_limit(size):
    """A processor limit would throttle a pod on an idle node."""
    resources = base_container(size=size)["resources"]
    assert resources["requests"] == {"cpu": SIZES[size]["cpu"], "memory": SIZES[size]["memory"]}
    assert resources["limits"] == {"memory": SIZES[size]["memory_limit"]}


def test_last_log_lines_become_the_termination_message():
    """So a failed task can say what the workload said."""
    assert base_container()["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_pod_gets_no_kubernetes_credentials():
    """A workload talks to databases and object stores, never to the API server."""
    assert requested_pod()["spec"]["automountServiceAccountToken"] is False


def test_whatever_the_pod_operator_takes_wins_over_a_default():
    """The defaults are no cage."""
    assert base_container(image="other:1", container_resources=None)["image"] == "other:1"
    assert operator(pool="source").pool == "source"
    assert operator(deferrable=False).deferrable is False


def test_it_waits_with_the_watching_trigger():
    """The stock trigger's arguments are taken over unchanged."""
    from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
    from airflow.sdk.exceptions import TaskDeferred
    from pendulum import datetime

    stock = KubernetesPodTrigger("pod", "baton", datetime(2026, 1, 1), "base", startup_timeout=7)
    with pytest.raises(TaskDeferred) as deferred:
        operator().defer(trigger=stock, method_name="trigger_reentry")
    assert type(deferred.value.trigger) is WorkloadTrigger
    assert deferred.value.trigger.serialize()[1] == {**stock.serialize()[1], "ends_task": True}


@pytest.mark.parametrize(
    "options", [{"outlets": [Asset("warehouse")]}, {"on_finish_action": "keep_pod"}, {"do_xcom_push": False}]
)
def test_worker_finishes_what_the_trigger_cannot(options):
    """Only a worker announces assets; only it ends the sidecar of a pod that is kept."""
    assert operator(**options)._trigger_can_end_it() is False


def ended_pod(exit_code, message=None, reason=None):
    ended = k8s.V1ContainerStateTerminated(exit_code=exit_code, message=message, reason=reason)
    status = k8s.V1ContainerStatus(
        name="base", image="i", image_id="", ready=False, restart_count=0, state=k8s.V1ContainerState(terminated=ended)
    )
    return k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(name="export-abc", namespace="baton"),
        spec=k8s.V1PodSpec(containers=[]),
        status=k8s.V1PodStatus(phase="Failed", container_statuses=[status]),
    )


class ApiServer:
    """Answers what the clean-up asks and remembers what was deleted."""

    def __init__(self, pod):
        self.pod = pod
        self.deleted = []

    def read_namespaced_pod(self, name, namespace):
        return self.pod

    def patch_namespaced_pod(self, **_):
        return self.pod

    def delete_namespaced_pod(self, name, namespace, **_):
        self.deleted.append(name)


def clean_up(pod, deleted=(), **options):
    task = operator(**options)
    task.client = ApiServer(pod)
    try:
        task.cleanup(pod, pod)
    finally:
        assert task.client.deleted == list(deleted)  # a failed pod is kept for whoever looks into it


@pytest.mark.parametrize("exit_code", [2, 65, 78])
def test_permanent_exit_codes_fail_the_task_without_a_retry(exit_code):
    """The exception ends with what the workload said last."""
    pod = ended_pod(exit_code, message="12 rows/s\nerror: column customers.iban is not named: add it to the policy\n")
    with pytest.raises(AirflowFailException, match=r"error: column customers\.iban is not named") as failure:
        clean_up(pod)
    assert f"exit code {exit_code}" in str(failure.value)
    assert "12 rows/s" not in str(failure.value)


@pytest.mark.parametrize(
    ("exit_code", "message", "reason"),
    [(75, "error: the object store answered 503", None), (137, None, "OOMKilled"), (1, "Traceback", None)],
)
def test_other_exit_codes_are_worth_a_retry(exit_code, message, reason):
    """Killed, out of memory, a service that is away: the next try may succeed."""
    with pytest.raises(TransientError, match=message or reason):
        clean_up(ended_pod(exit_code, message, reason))


def test_pod_that_never_ran_is_worth_a_retry():
    """Evicted or not started: there is no exit code."""
    pod = ended_pod(1)
    pod.status.container_statuses = None
    with pytest.raises(TransientError, match="did not run to its end"):
        clean_up(pod)


def test_pod_that_waits_for_its_image_is_deleted():
    """The image may still come, and the pod would run for nobody."""
    pod = ended_pod(1)
    pod.status.phase, pod.status.container_statuses = "Pending", None
    with pytest.raises(TransientError, match="did not run to its end"):
        clean_up(pod, deleted=["export-abc"])


def test_skip_on_exit_code_still_skips():
    """What the stock operator can do is not lost."""
    from airflow.sdk.exceptions import AirflowSkipException

    with pytest.raises(AirflowSkipException):
        clean_up(ended_pod(99), skip_on_exit_code=99)


def test_pod_that_ran_out_of_time_is_deleted():
    """A pod that nobody waits for must not go on writing."""
    task = operator()
    task.client = ApiServer(ended_pod(0))
    event = {"status": "timeout", "name": "export-abc", "namespace": "baton", "message": "execution_timeout has passed"}
    with pytest.raises(TransientError, match="execution_timeout has passed"):
        task.trigger_reentry({}, event)
    assert task.client.deleted == ["export-abc"]
