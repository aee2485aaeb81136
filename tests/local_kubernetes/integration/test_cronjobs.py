"""CronJobs with real Jobs and pods, the real kubectl and the official client."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.timeout(120)


def test_a_cron_job_runs_and_is_run_by_hand(kubectl, until):
    """create cronjob, create job --from, suspend, describe, delete."""
    kubectl("create", "cronjob", "tick", "--image=busybox", "--schedule=@every 1s", "--", "sh", "-c", "echo tock")
    kubectl("create", "job", "--from=cronjob/tick", "by-hand")
    kubectl("wait", "--for=condition=complete", "job/by-hand", "--timeout=20s")
    assert kubectl("logs", "job/by-hand") == "tock\n"

    def scheduled():
        jobs = json.loads(kubectl("get", "jobs", "-o", "json"))["items"]
        notes = (job["metadata"].get("annotations") or {} for job in jobs)
        return any("batch.kubernetes.io/cronjob-scheduled-timestamp" in note for note in notes)

    until(scheduled)
    kubectl("wait", "--for=jsonpath={.status.lastSuccessfulTime}", "cronjob/tick", "--timeout=20s")
    kubectl("patch", "cronjob", "tick", "-p", '{"spec":{"suspend":true}}')
    line = kubectl("get", "cronjob", "tick").splitlines()[1].split()
    assert (line[0], line[3], line[4]) == ("tick", "<none>", "True")
    assert "SuccessfulCreate" in kubectl("describe", "cronjob", "tick")

    kubectl("delete", "cronjob", "tick")
    until(lambda: kubectl("get", "jobs", "-o", "name") == "")


def test_a_wrong_schedule_is_refused_in_the_words_of_kubernetes(kubectl):
    """Before anything is stored."""
    said = kubectl("create", "cronjob", "x", "--image=busybox", "--schedule=0 0 * * 7", "--", "true", code=1)

    assert 'spec.schedule: Invalid value: "0 0 * * 7": end of range (7) above maximum (6): 7' in said


def test_the_official_client_sees_what_runs(local_kubernetes, until):
    """A Job that runs is in ``status.active``; deleting it is noticed."""
    from kubernetes.client import BatchV1Api

    batch, name = BatchV1Api(local_kubernetes.client), local_kubernetes.name
    container = {"name": "c", "image": "busybox", "command": ["sleep", "1000"]}
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
    spec = {"schedule": "@every 1s", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    batch.create_namespaced_cron_job(name, {"metadata": {"name": "long"}, "spec": spec})

    active = until(lambda: batch.read_namespaced_cron_job("long", name).status.active)
    job = batch.read_namespaced_job(active[0].name, name)
    assert job.metadata.owner_references[0].name == "long"

    batch.patch_namespaced_cron_job("long", name, {"spec": {"suspend": True}})
    batch.delete_namespaced_job(active[0].name, name, propagation_policy="Background")
    until(lambda: not batch.read_namespaced_cron_job("long", name).status.active)
    events = local_kubernetes.core.list_namespaced_event(name).items
    assert "MissingJob" in {event.reason for event in events if event.involved_object.name == "long"}
