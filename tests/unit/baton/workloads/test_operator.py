"""WorkloadOperator: the pod it asks for, and what it makes of the pod's end."""

import inspect
import json
import os
import signal
import subprocess
import time
from functools import partial

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import AirflowFailException

from baton.exceptions import TransientError
from baton.workloads.operator import NO_EFFECT, NO_EFFECT_DEFERRED, SIZES, WorkloadOperator
from baton.workloads.trigger import MAY_HOLD_CREDENTIALS, WorkloadTrigger

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
    """The stock trigger's arguments are taken over unchanged, but for those that may hold credentials."""
    from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
    from airflow.sdk.exceptions import TaskDeferred
    from pendulum import datetime

    stock = KubernetesPodTrigger("pod", "baton", datetime(2026, 1, 1), "base", startup_timeout=7)
    with pytest.raises(TaskDeferred) as deferred:
        operator().defer(trigger=stock, method_name="trigger_reentry")
    assert type(deferred.value.trigger) is WorkloadTrigger
    expected = {**stock.serialize()[1], "ends_task": True, "config_file": None}
    del expected["config_dict"], expected["connection_extras"]
    assert deferred.value.trigger.serialize()[1] == expected
    assert all(hasattr(stock, name) for name in MAY_HOLD_CREDENTIALS)  # an upgrade has not renamed them


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", certificate-authority-data: c3rt}}]
users: [{name: u, user: {token: t0ken, client-certificate-data: cl1ent, client-key-data: k3y}}]
"""


@pytest.mark.parametrize("named_by", ["environment", "several files", "absent file", "config_file", "connection"])
def test_no_kubeconfig_reaches_the_triggers_row(monkeypatch, tmp_path, named_by):
    """Whatever names it: the shell's KUBECONFIG is not read, a file is passed on as its path."""
    from airflow.sdk.exceptions import TaskDeferred

    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG)
    options = {"config_file": str(file)} if named_by == "config_file" else {}
    variables = {"environment": str(file), "several files": f"{file}:{file}", "absent file": str(tmp_path / "absent")}
    if named_by in variables:
        monkeypatch.setenv("KUBECONFIG", variables[named_by])
    if named_by == "connection":
        extra = {"kube_config": KUBECONFIG}
        connection = json.dumps({"conn_type": "kubernetes", "extra": extra})
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", connection)
    task = operator(**options)
    task.pod = ended_pod(0)
    task.pod.status.container_statuses = None
    with pytest.raises(TaskDeferred) as deferred:
        task.invoke_defer_method()
    _, stored = deferred.value.trigger.serialize()
    assert not [secret for secret in ("t0ken", "cl1ent", "k3y", "c3rt") if secret in repr(stored)]
    assert stored["config_file"] == options.get("config_file")


def test_side_car_ends_when_it_is_asked_to():
    """As the first process of its container it would ignore SIGTERM for the whole grace period, requests kept."""
    [sidecar] = [each for each in requested_pod()["spec"]["containers"] if each["name"] == "airflow-xcom-sidecar"]
    for number in (signal.SIGTERM, signal.SIGINT):  # SIGINT is what the stock operator sends
        # Ignored where the tests run in the background of a shell, and a shell cannot trap what it inherits so.
        restored = partial(signal.signal, number, signal.SIG_DFL)
        with subprocess.Popen(sidecar["command"], start_new_session=True, preexec_fn=restored) as process:
            try:
                time.sleep(0.3)
                process.send_signal(number)
                assert process.wait(10) == 0
            finally:
                os.killpg(process.pid, signal.SIGKILL)  # its sleep, which ends with a container


def test_pods_start_is_given_the_time_of_a_busy_cluster():
    """The stock operator gives up after two minutes, whatever the pod waits for."""
    task = operator()
    assert (task.schedule_timeout_seconds, task.startup_timeout_seconds) == (600, 300)


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
        self.events = []
        self.deleted = []

    def read_namespaced_pod(self, name, namespace):
        return self.pod

    def patch_namespaced_pod(self, **_):
        return self.pod

    def list_namespaced_event(self, **_):
        return k8s.CoreV1EventList(items=self.events)

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


def test_pod_that_never_ran_says_why():
    """Before it is deleted: afterwards nobody can ask."""
    pod = ended_pod(1)
    pod.status.phase, pod.status.container_statuses = "Pending", None
    words = "0/1 nodes are available: 1 Insufficient cpu."
    pod.status.conditions = [
        k8s.V1PodCondition(type="PodScheduled", status="False", reason="Unschedulable", message=words)
    ]
    with pytest.raises(TransientError, match=f"Unschedulable: {words}"):
        clean_up(pod, deleted=["export-abc"])


NOT_FOUND = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: exec: "signatures": executable file not found in $PATH'
)


@pytest.mark.parametrize("reason", ["StartError", "ContainerCannotRun"])
def test_image_without_the_program_is_not_tried_again(reason):
    """No retry changes an image."""
    with pytest.raises(AirflowFailException, match=r'exec: "signatures": executable file not found in \$PATH'):
        clean_up(ended_pod(128, NOT_FOUND, reason))


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (403, 'pods "p" is forbidden: exceeded quota: q, requested: cpu=1, limited: cpu=2', TransientError),
        (403, 'pods "p" is forbidden: violates PodSecurity "restricted:latest": seccompProfile', AirflowFailException),
        (403, 'pods is forbidden: User "u" cannot create resource "pods" in API group ""', AirflowFailException),
        (404, 'namespaces "baton" not found', AirflowFailException),
        (422, 'Pod "p" is invalid: spec.containers[0].image: Required value', AirflowFailException),
    ],
)
def test_refused_pod_says_why_and_is_tried_again_only_where_that_helps(status, message, error):
    """A quota has room again when other pods have ended; what is forbidden or invalid stays so."""

    class Refusing(ApiServer):
        def create_namespaced_pod(self, **_):
            refused = k8s.ApiException(status=status, reason="Forbidden")
            refused.body = json.dumps({"kind": "Status", "message": message})
            raise refused

        def list_namespaced_pod(self, *_, **__):
            return k8s.V1PodList(items=[])

    task = operator()
    task.client = Refusing(None)
    task.client.api_client = k8s.ApiClient()
    task._build_find_pod_label_selector = lambda _: ""
    with pytest.raises(error) as failure:
        task.get_or_create_pod(ended_pod(0), {})
    assert message in str(failure.value)


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


@pytest.mark.parametrize("name", [*NO_EFFECT, *NO_EFFECT_DEFERRED])
def test_argument_without_effect_is_refused(name):
    """By name, while the DAG is parsed: its author would wait for an effect that never comes."""
    with pytest.raises(ValueError, match=f"{name} has no effect on a WorkloadOperator: .*; leave it out"):
        operator(**{name: 1})


@pytest.mark.parametrize("name", NO_EFFECT)
def test_argument_without_any_effect_is_refused_on_a_worker_too(name):
    """Polled for or not."""
    with pytest.raises(ValueError, match=name):
        operator(**{name: 1}, deferrable=False)


@pytest.mark.parametrize("name", NO_EFFECT_DEFERRED)
def test_task_that_holds_a_worker_takes_the_stock_arguments(name):
    """There they do what the stock operator's documentation says."""
    assert operator(**{name: None}, deferrable=False).deferrable is False


def test_refused_arguments_are_the_stock_operators():
    """An upgrade that renames one makes this fail, and not a DAG that passes it."""
    stock = inspect.signature(KubernetesPodOperator.__init__).parameters
    assert {*NO_EFFECT, *NO_EFFECT_DEFERRED} <= {*stock}


def test_default_args_win_over_this_projects_defaults():
    """A DAG's namespace or image counts for its workloads; an argument of the task counts more."""
    shared = {"namespace": "data", "image": "own", "deferrable": False, "poll_interval": 3, "size": "large"}
    with DAG("d", schedule=None, default_args=shared):
        task = operator(image="tasks")
    assert (task.namespace, task.image, task.deferrable) == ("data", "tasks", False)
    assert task.container_resources.limits == {"memory": SIZES["large"]["memory_limit"]}
