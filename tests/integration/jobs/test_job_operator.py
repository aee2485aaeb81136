"""JobOperator against the local Kubernetes."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException
from kubernetes.client import BatchV1Api

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def _jobs(place):
    batch = BatchV1Api(place.client)
    items = batch.list_namespaced_job(place.name).items
    return {job["metadata"]["name"]: job for job in map(place.client.sanitize_for_serialization, items)}


def test_a_tick_becomes_the_controllers_job(local_kubernetes, make_task, write_cron_job):
    """The controller's name and annotation, the template's labels; the task waits for the Job's end."""
    make_task(write_cron_job("echo hello"), time_zone="Europe/Prague").run()

    [(name, job)] = _jobs(local_kubernetes).items()
    assert name == "nightly-29921820"
    assert job["metadata"]["labels"]["team"] == "data"
    notes = job["metadata"]["annotations"]
    assert notes["batch.kubernetes.io/cronjob-scheduled-timestamp"] == "2026-11-22T02:00:00+01:00"
    assert notes["note"] == "2026-01-01"
    assert job["status"]["succeeded"] == 1


def test_a_failed_job_fails_the_task_with_kubernetes_reason(make_task, write_cron_job):
    """Without a second try by Airflow."""
    with pytest.raises(AirflowFailException, match="BackoffLimitExceeded"):
        make_task(write_cron_job("exit 3")).run()


def test_a_second_request_adopts_the_job(local_kubernetes, make_task, write_cron_job):
    """A retry, or another scheduler."""
    source = write_cron_job("sleep 1")
    first, second = make_task(source), make_task(source)
    triggers = [first.defer(), second.defer()]
    first.resume(triggers[0])
    second.resume(triggers[1])

    assert len(_jobs(local_kubernetes)) == 1


def test_without_a_triggerer_the_worker_waits(make_task, write_cron_job):
    """`deferrable=False`."""
    task = make_task(write_cron_job("true"), deferrable=False)
    assert task.operator.execute(task.context) is None
