"""The clean-up of a namespace against the local Kubernetes, calm and slow."""

import gc
import json

import pytest
from airflow.sdk.exceptions import AirflowFailException
from kubernetes.client import ApiException, BatchV1Api
from tests.workloads.waiting import until

from baton.kubernetes import api_streams
from baton.workloads.clean_up_cluster_operator import CLAIMED, CleanUpClusterOperator
from local_kubernetes.testing import (  # noqa: F401 - fixtures
    local_kubernetes,
    local_kubernetes_server,
    slow_kubernetes,
    slow_kubernetes_server,
)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Refused requests are tried again soon; what clients leave is collected within the test that made it."""
    monkeypatch.setattr(api_streams, "PAUSE_SECONDS", 0.05)
    yield
    gc.collect()


@pytest.fixture
def place(local_kubernetes, monkeypatch):  # noqa: F811 - the fixture
    """A namespace that Airflow's connection leads to."""
    return connected(local_kubernetes, monkeypatch)


@pytest.fixture
def slow_place(slow_kubernetes, monkeypatch):  # noqa: F811 - the fixture
    """A namespace on a slow cluster."""
    return connected(slow_kubernetes, monkeypatch)


def connected(place, monkeypatch):
    extra = {"kube_config_path": str(place.server.kubeconfig)}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": extra}))
    return place


def patiently(call, *arguments):
    """Repeat what a slow cluster refuses."""
    answers = []

    def answered():
        try:
            answers.append(call(*arguments))
        except ApiException as err:
            if err.status == 409:
                answers.append(None)
            elif err.status < 500 and err.status != 429:
                raise
        return bool(answers)

    until(answered)
    return answers[0]


def add_pod(place, name, script="true", **meta):
    container = {"name": "c", "image": "busybox", "command": ["sh", "-c", script]}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
    body = {"metadata": {"name": name, **meta}, "spec": spec}
    patiently(place.core.create_namespaced_pod, place.name, body)


def add_claim(place, name, **labels):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    body = {"metadata": {"name": name, "labels": labels}, "spec": spec}
    patiently(place.core.create_namespaced_persistent_volume_claim, place.name, body)


def add_job(place, name, **spec):
    container = {"name": "c", "image": "busybox", "command": ["true"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    body = {"metadata": {"name": name}, "spec": {"template": template, **spec}}
    patiently(BatchV1Api(place.client).create_namespaced_job, place.name, body)


def left(place):
    """Names of pods (but Jobs' own), Jobs and claims."""
    lists = (
        place.core.list_namespaced_pod,
        BatchV1Api(place.client).list_namespaced_job,
        place.core.list_namespaced_persistent_volume_claim,
    )
    items = [item for listed in lists for item in patiently(listed, place.name).items]
    return {item.metadata.name for item in items if not item.metadata.owner_references}


def pods_ended(place, *names):
    phases = {
        pod.metadata.name: pod.status.phase for pod in patiently(place.core.list_namespaced_pod, place.name).items
    }
    return all(phases.get(name) in ("Succeeded", "Failed") for name in names)


def job_ended(place, name):
    return patiently(BatchV1Api(place.client).read_namespaced_job, name, place.name).status.completion_time


class Store(dict):
    """The state that outlives a task's tries."""

    def set(self, key, value):
        self[key] = value


def clean_up(place, store=None, **options):
    task = CleanUpClusterOperator(task_id="clean_up", namespace=place.name, **{"days": "0", **options})
    return task.execute({"task_state_store": store if store is not None else Store()})


def test_what_is_over_goes_and_what_is_somebodys_stays(place):
    """Pods, Jobs with their pods, temporary claims; the rest is reported or not even looked at."""
    add_pod(place, "ended")
    add_pod(place, "failed", "exit 1")
    add_pod(place, "kept", labels={"baton.dev/protected": "true"})
    add_pod(place, "running", "sleep 60")
    add_job(place, "job")
    add_job(place, "own-ttl", ttlSecondsAfterFinished=600)
    add_claim(place, "scratch", **{"baton.dev/temporary": "true"})
    add_claim(place, "data")
    until(
        lambda: pods_ended(place, "ended", "failed", "kept") and job_ended(place, "job") and job_ended(place, "own-ttl")
    )

    assert clean_up(place, dry_run="True")["outcome"] == "dry_run"
    assert len(left(place)) == 8
    result = clean_up(place)

    assert {(item["kind"], item["name"], item["fate"]) for item in result["objects"]} == {
        ("Pod", "ended", "deleted"),
        ("Pod", "failed", "deleted"),
        ("Job", "job", "deleted"),
        ("Claim", "scratch", "deleted"),
        ("Claim", "data", "reported"),
    }
    until(lambda: left(place) == {"kept", "running", "own-ttl", "data"})
    assert clean_up(place)["deleted"] == 0


def test_the_limit_holds_over_tries(place):
    """The second try of a task that was killed has what the first one did not claim."""
    for number in range(5):
        add_claim(place, f"scratch-{number}", **{"baton.dev/temporary": "true"})
    store = Store({CLAIMED: 2})
    result = clean_up(place, store, limit="4")
    assert (result["outcome"], result["deleted"], result["left"], store[CLAIMED]) == ("limit_reached", 2, 3, 4)
    assert clean_up(place, store, limit="4")["deleted"] == 0
    assert clean_up(place, limit="4")["deleted"] == 3


def test_a_slow_cluster_is_cleaned_up_too(slow_place):
    """Refused requests are repeated; nothing is deleted twice, or counted so."""
    for number in range(6):
        add_claim(slow_place, f"scratch-{number}", **{"baton.dev/temporary": "true"})
    assert clean_up(slow_place)["left"] == 0
    until(lambda: left(slow_place) == set())


def test_a_namespace_that_may_not_be_read_fails_for_good(place, monkeypatch):
    """A right that is missing does not appear by trying again."""
    config = place.server.directory / "refused"
    config.write_text(place.server.kubeconfig.read_text().replace("token: ", "token: x"))
    extra = {"kube_config_path": str(config)}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": extra}))
    with pytest.raises(AirflowFailException, match="refuses"):
        clean_up(place)
