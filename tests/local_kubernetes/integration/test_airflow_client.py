"""What KubernetesPodOperator does with a pod, by Airflow's own code: start, logs, XCom, the deferrable path."""

from __future__ import annotations

import asyncio
import datetime
import json
import time

import pytest
import yaml
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.providers.cncf.kubernetes.utils.pod_manager import AsyncPodManager, PodManager
from airflow.providers.cncf.kubernetes.utils.xcom_sidecar import add_xcom_sidecar
from kubernetes.client import models as k8s

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.usefixtures("collect_sockets"),
    # Airflow's hooks and the websocket client leave closing their sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
RESULT = "${LOCAL_KUBERNETES_MOUNT_AIRFLOW_XCOM:-/airflow/xcom}/return.json"


def _pod(place, name: str, script: str, *, xcom: bool = True) -> k8s.V1Pod:
    container = k8s.V1Container(name="base", image="busybox", command=["sh", "-c", script])
    pod = k8s.V1Pod(
        api_version="v1",
        kind="Pod",
        metadata=k8s.V1ObjectMeta(name=name, namespace=place.name),
        spec=k8s.V1PodSpec(containers=[container], restart_policy="Never"),
    )
    return add_xcom_sidecar(pod) if xcom else pod


def test_a_pod_hands_over_its_xcom(place, caplog):
    """The operator's steps: create, await, follow the log, read the result, end the side-car."""
    manager = PodManager(place.core)
    began = time.monotonic()

    pod = manager.create_pod(_pod(place, "x", f"echo working; echo '{{\"rows\": 3}}' > {RESULT}"))
    asyncio.run(manager.await_pod_start(pod))
    logs = manager.fetch_container_logs(pod, "base", follow=True)
    manager.await_xcom_sidecar_container_start(pod)
    result = manager.extract_xcom(pod)
    ended = manager.await_pod_completion(pod, do_xcom_push=True)

    assert json.loads(result) == {"rows": 3}
    assert logs.running is False
    assert ended.status.container_statuses[0].state.terminated.exit_code == 0
    assert place.core.read_namespaced_pod("x", place.name).status.phase == "Succeeded"
    assert time.monotonic() - began < 3  # none of the operator's pauses was needed


def test_a_pod_without_result_gives_the_empty_one(place):
    """A workload that writes nothing is no error."""
    manager = PodManager(place.core)
    pod = manager.create_pod(_pod(place, "empty", "true"))
    manager.await_container_completion(pod, "base", 0.05)

    assert manager.extract_xcom(pod).rstrip() == "__airflow_xcom_result_empty__"


def test_a_large_result_arrives_whole(place):
    """One message, many kilobytes."""
    manager = PodManager(place.core)
    script = f"(printf '\"'; head -c 300000 /dev/zero | tr '\\0' a; printf '\"') > {RESULT}"
    pod = manager.create_pod(_pod(place, "large", script))
    manager.await_container_completion(pod, "base", 0.05)

    assert json.loads(manager.extract_xcom(pod)) == "a" * 300_000


def test_the_side_cars_end_hurts_nobody_else(place, make_pod):
    """Airflow's kill command would interrupt every shell of this user; here it ends one container."""
    manager = PodManager(place.core)
    place.core.create_namespaced_pod(place.name, make_pod("bystander", "sleep 30"))
    pod = manager.create_pod(_pod(place, "x", "true"))
    manager.await_container_completion(pod, "base", 0.05)

    manager.extract_xcom(pod)

    assert place.core.read_namespaced_pod("bystander", place.name).status.phase == "Running"


def test_a_missing_runtime_is_reported_at_once(tmp_path):
    """The operator's early check stops the task with our message."""
    from airflow.providers.cncf.kubernetes.utils.pod_manager import PodLaunchFailedException

    from local_kubernetes.testing import LocalKubernetes, namespace

    images = tmp_path / "images.yaml"
    images.write_text("images: []\n")
    with LocalKubernetes(tmp_path, images=images) as server, namespace(server, "own") as place:
        manager = PodManager(place.core)
        pod = manager.create_pod(_pod(place, "x", "true", xcom=False))
        with pytest.raises(PodLaunchFailedException, match=str(images)):
            asyncio.run(manager.await_pod_start(pod))


async def test_the_trigger_sees_the_end(place):
    """The deferrable operator's trigger, through the asynchronous client, over our TLS."""
    manager = PodManager(place.core)
    pod = manager.create_pod(_pod(place, "deferred", "sleep 0.5; echo done", xcom=False))
    trigger = KubernetesPodTrigger(
        pod_name="deferred",
        pod_namespace=place.name,
        trigger_start_time=datetime.datetime.now(datetime.UTC),
        base_container_name="base",
        poll_interval=0.1,
        startup_check_interval=1,
        get_logs=True,
        in_cluster=False,
        config_dict=yaml.safe_load(place.server.kubeconfig.read_text()),
        kubernetes_conn_id=None,
    )

    event = await anext(trigger.run())

    assert event.payload["status"] == "success"
    assert pod.metadata.name == event.payload["name"]


async def test_the_asynchronous_client_reads_pods_logs_and_events(place):
    """The calls that the triggerer makes while a task is deferred."""
    PodManager(place.core).create_pod(_pod(place, "a", "echo one; echo two; sleep 2", xcom=False))
    config = yaml.safe_load(place.server.kubeconfig.read_text())
    hook = AsyncKubernetesHook(conn_id=None, in_cluster=False, config_dict=config)
    manager = AsyncPodManager(hook)
    pod = await manager.read_pod(_pod(place, "a", ""))

    watched = [event async for event in hook.watch_pod_events("a", place.name, timeout_seconds=1)]
    lines = await hook.read_logs("a", place.name, "base")
    events = await manager.read_pod_events(pod)

    assert [line.partition(" ")[2] for line in lines if line] == ["one", "two"]
    assert {event.reason for event in events.items} >= {"Scheduled", "Created", "Started"}
    assert len(watched) == len(events.items)
