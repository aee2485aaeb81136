"""How containers end when they are asked to, and when the requests of their pods are free again."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.cncf.kubernetes.utils.xcom_sidecar import PodDefaults
from airflow.sdk.exceptions import AirflowFailException
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from baton.exceptions import TransientError
from baton.workloads.operator import WorkloadOperator
from baton.workloads.trigger import WorkloadTrigger
from baton_local.layout import PROJECT
from baton_local.postgres import binaries
from local_kubernetes.testing import LocalKubernetes, namespace

pytestmark = pytest.mark.timeout(90)

PYTHON = "import signal, sys, time; {}; print('up', flush=True); time.sleep(60)"


@pytest.mark.parametrize(
    ("command", "pod_spec", "exit_code"),
    [
        (["sleep", "60"], {}, 137),
        (["sh", "-c", "sleep 60; true"], {}, 137),
        (["sh", "-c", "trap '' TERM; sleep 60"], {}, 137),
        (["python", "-c", PYTHON.format("pass")], {}, 137),
        (["sh", "-c", "trap 'exit 3' TERM; sleep 60 & wait"], {}, 3),
        (["python", "-c", PYTHON.format("signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))")], {}, 4),
        (["sleep", "60"], {"shareProcessNamespace": True}, 143),
    ],
    ids=["no shell", "shell", "ignored", "python", "shell's trap", "python's handler", "not the first process"],
)
def test_first_process_ends_by_sigterm_only_with_a_handler(place, make_pod, until, command, pod_spec, exit_code):
    """The kernel drops a signal that a first process has no handler for: it is killed when its grace is over."""
    body = make_pod("p", "", {"command": command}, **pod_spec)
    body["metadata"]["finalizers"] = ["test/keep"]  # how it ended can be read then
    place.core.create_namespaced_pod(place.name, body)
    time.sleep(1)  # until its handler is there

    began = time.monotonic()
    place.core.delete_namespaced_pod("p", place.name, grace_period_seconds=2)

    state = until(lambda: _terminated(place, "p"))
    place.core.patch_namespaced_pod("p", place.name, {"metadata": {"finalizers": None}})
    assert state.exit_code == exit_code
    assert (time.monotonic() - began >= 1.8) == (exit_code == 137)


def test_only_the_first_process_is_asked(place, make_pod, until):
    """Its children are its own to end."""
    script = (
        "T=${LOCAL_KUBERNETES_MOUNT_DEV_TERMINATION_LOG:-/dev/termination-log}; "
        "(trap 'echo child >> $T' TERM; sleep 60 & wait) & "
        "trap 'sleep 0.5; echo first >> $T; exit 0' TERM; wait"
    )
    body = make_pod("p", script)
    body["metadata"]["finalizers"] = ["test/keep"]
    place.core.create_namespaced_pod(place.name, body)
    time.sleep(1)
    place.core.delete_namespaced_pod("p", place.name, grace_period_seconds=10)
    state = until(lambda: _terminated(place, "p"))
    place.core.patch_namespaced_pod("p", place.name, {"metadata": {"finalizers": None}})
    assert state.message == "first\n"


@pytest.fixture
def small(tmp_path):
    """A cluster whose node has room for one pod of these tests."""
    with (
        LocalKubernetes(tmp_path, ["--allocatable", "cpu=1", "--allocatable", "memory=1Gi"]) as server,
        namespace(server, "own") as place,
    ):
        yield place


NO_CPU = (
    "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: "
    "1 No preemption victims found for incoming pod."
)
TOO_MUCH = (
    "0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes are available: "
    "1 Preemption is not helpful for scheduling."
)


def asking(make_pod, name, script, cpu="600m", memory="64Mi", **spec) -> dict[str, Any]:
    return make_pod(name, script, {"resources": {"requests": {"cpu": cpu, "memory": memory}}}, **spec)


def test_pod_waits_until_there_is_room(small, make_pod, until):
    """It says what is lacking, with the words of a scheduler (v1.36), and starts when another one has ended."""
    small.core.create_namespaced_pod("own", asking(make_pod, "a", "sleep 2"))
    small.core.create_namespaced_pod("own", asking(make_pod, "b", "true"))
    small.core.create_namespaced_pod("own", asking(make_pod, "fits", "true", cpu="400m"))
    small.core.create_namespaced_pod("own", asking(make_pod, "never", "true", cpu="0", memory="2Gi"))

    [condition] = until(lambda: small.core.read_namespaced_pod("b", "own").status.conditions)
    assert (condition.type, condition.status, condition.reason) == ("PodScheduled", "False", "Unschedulable")
    assert condition.message == NO_CPU
    events = small.core.list_namespaced_event("own", field_selector="involvedObject.name=b").items
    assert [(event.reason, event.message) for event in events] == [("FailedScheduling", NO_CPU)]
    [condition] = small.core.read_namespaced_pod("never", "own").status.conditions
    assert condition.message == TOO_MUCH

    until(lambda: small.core.read_namespaced_pod("b", "own").status.phase == "Succeeded")
    assert small.core.read_namespaced_pod("fits", "own").status.phase == "Succeeded"
    assert small.core.read_namespaced_pod("never", "own").status.phase == "Pending"
    assert small.core.read_node("local").status.allocatable["cpu"] == "1"


def test_pod_that_is_being_deleted_keeps_its_requests(small, make_pod, until):
    """Until its containers have ended: a node has no room before."""
    small.core.create_namespaced_pod("own", asking(make_pod, "a", "sleep 60"))
    small.core.delete_namespaced_pod("a", "own", grace_period_seconds=3)
    began = time.monotonic()
    small.core.create_namespaced_pod("own", asking(make_pod, "b", "true"))
    until(lambda: small.core.read_namespaced_pod("b", "own").status.phase == "Succeeded")
    assert time.monotonic() - began >= 2


@pytest.mark.parametrize("sidecar", ["ours", "stock"])
def test_requests_of_a_succeeded_pod_are_free_within_seconds(small, make_pod, until, monkeypatch, sidecar):
    """The side-car ends when the pod is deleted. The provider's ignores that, so that the next pod waits for 30 s."""
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes"}))
    options = {"image": "busybox", "cmds": ["sh", "-c"], "namespace": "own", "termination_grace_period": 8}
    script = 'D=${LOCAL_KUBERNETES_MOUNT_AIRFLOW_XCOM:-/airflow/xcom}; echo "{}" > $D/return.json'
    task = WorkloadOperator(task_id="t", command=[script], size="large", **options)
    body = ApiClient().sanitize_for_serialization(task.build_pod_request_obj(dry_run=True))
    if sidecar == "stock":
        body["spec"]["containers"][1]["command"] = PodDefaults.SIDECAR_CONTAINER.command
    body["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "600m"}}
    body["spec"]["terminationGracePeriodSeconds"] = 8
    name = body["metadata"]["name"]
    small.core.create_namespaced_pod("own", body)
    small.core.create_namespaced_pod("own", asking(make_pod, "next", "true"))
    until(lambda: _ended(small, name, "base"))
    ended = time.monotonic()
    assert small.core.read_namespaced_pod("next", "own").status.phase == "Pending"

    small.core.delete_namespaced_pod(name, "own")

    until(lambda: small.core.read_namespaced_pod("next", "own").status.phase == "Succeeded")
    seconds = time.monotonic() - ended
    assert seconds <= 3 if sidecar == "ours" else seconds >= 7
    until(lambda: _is_gone(small, name))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"resources": {"requests": {"memory": "2Gi"}}}, f"Unschedulable: {TOO_MUCH}"),
        ({"image": "no-such-image"}, "ErrImagePull"),
        ({"envFrom": [{"secretRef": {"name": "absent"}}]}, 'CreateContainerConfigError: secret "absent" not found'),
        ({"command": ["signatures", "remind"]}, 'StartError: .*exec: "signatures": executable file not found in '),
    ],
    ids=["no room", "no image", "no Secret", "no program"],
)
def test_task_says_why_its_pod_did_not_start(small, make_pod, tmp_path, spec, said):
    """Trigger and operator against the API: the cluster's words are in the exception that ends the task."""
    images = tmp_path / "state" / "images.yaml"
    images.write_text("images: [{match: busybox}]\n")
    pod = small.core.create_namespaced_pod("own", make_pod("p", "true", spec))
    trigger = WorkloadTrigger(
        pod_name="p",
        pod_namespace="own",
        base_container_name="base",
        trigger_start_time=datetime.now(UTC) - timedelta(hours=1),
        config_file=str(small.server.kubeconfig),
        kubernetes_conn_id=None,
        schedule_timeout=1,
        startup_timeout=1,
    )

    event = asyncio.run(first(trigger))

    task = WorkloadOperator(task_id="t", command=[], do_xcom_push=False, config_file=str(small.server.kubeconfig))
    task.kubernetes_conn_id = None
    with pytest.raises((TransientError, AirflowFailException), match=said) as failure:
        task.trigger_reentry({"ti": None}, event.payload)
    assert "kubectl" not in str(failure.value)
    assert isinstance(failure.value, AirflowFailException) == ("executable" in said)
    assert pod.metadata.name in str(failure.value)


def _ended(place, name, container):
    """How a container of a pod has ended; their statuses come in the order of their names."""
    statuses = place.core.read_namespaced_pod(name, place.name).status.container_statuses
    return next(each for each in statuses if each.name == container).state.terminated


async def first(trigger):
    """The trigger's event."""
    return await anext(trigger.run())


def test_workload_ends_when_it_is_asked_to(tmp_path, make_pod, until):
    """Python as a first process would ignore it: a cleared task's pod would work on until its grace is over."""
    known = {"project": PROJECT, "venv": sys.prefix, "postgres": binaries()}
    variables = [word for name, value in known.items() for word in ("--image-var", f"{name}={value}")]
    images = PROJECT / "include" / "manifests" / "images.yaml"
    env = {"BATON_AIRFLOW_URL": "http://127.0.0.1:9", "BATON_AIRFLOW_USER": "u", "BATON_AIRFLOW_PASSWORD": "p"}
    arguments = ["watch", "--print", "--every", "60", "--memory", f"file://{tmp_path}/memory.json"]
    container = {"image": "baton-workloads:1", "command": None, "args": arguments}
    container["env"] = [{"name": name, "value": value} for name, value in env.items()]
    with LocalKubernetes(tmp_path, variables, images=images) as server, namespace(server, "own") as place:
        body = make_pod("p", "", container)
        body["metadata"]["finalizers"] = ["test/keep"]
        place.core.create_namespaced_pod("own", body)
        until((tmp_path / "memory.json").exists)  # it has looked once, and waits for the next time
        began = time.monotonic()
        place.core.delete_namespaced_pod("p", "own", grace_period_seconds=20)
        state = until(lambda: _terminated(place, "p"))
        place.core.patch_namespaced_pod("p", "own", {"metadata": {"finalizers": None}})
        assert state.exit_code == 143
        assert time.monotonic() - began < 5


def _terminated(place, name):
    return place.core.read_namespaced_pod(name, place.name).status.container_statuses[0].state.terminated


def _is_gone(place, name) -> bool:
    try:
        place.core.read_namespaced_pod(name, place.name)
    except ApiException as err:
        return err.status == 404
    return False
