"""A JobOperator's task against the local Kubernetes: its two halves are played as worker and triggerer play them."""

from __future__ import annotations

import asyncio
import gc
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import TaskSuccessEvent

from baton.cronjobs.operator import JobOperator
from baton.cronjobs.templates.source import FileSource
from baton.kubernetes import api_streams
from baton.workloads import trigger as workload
from local_kubernetes.testing import (  # noqa: F401 - fixtures
    local_kubernetes,
    local_kubernetes_server,
    slow_kubernetes,
    slow_kubernetes_server,
)

TICK = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Refused requests are tried again soon."""
    monkeypatch.setattr(api_streams, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(workload, "SETTLE_SECONDS", 0)


@pytest.fixture(autouse=True)
def collect_sockets():
    """Collects what clients leave to the garbage collector within the test that made it."""
    yield
    gc.collect()


class Task:
    """One task instance of a JobOperator."""

    def __init__(self, place, source, *, run_type="scheduled", tick=TICK, run_id="run", max_tries=0, **options):
        options.setdefault("namespace", place.name)
        self.operator = JobOperator(task_id="nightly", source=source, **options)
        run = SimpleNamespace(run_type=run_type, logical_date=tick, run_id=run_id)
        instance = SimpleNamespace(
            dag_id="dag", task_id="nightly", run_id=run_id, map_index=-1, try_number=1 + max_tries, max_tries=max_tries
        )
        self.context = {"dag_run": run, "ti": instance}

    def defer(self):
        """The worker's half; returns the trigger as the triggerer builds it."""
        with pytest.raises(TaskDeferred) as deferred:
            self.operator.execute(self.context)
        _, arguments = deferred.value.trigger.serialize()
        json.dumps(arguments)
        return type(deferred.value.trigger)(**arguments)

    def resume(self, trigger):
        """The triggerer's half, then the worker's second one."""
        event = asyncio.run(event_of(trigger))
        return None if isinstance(event, TaskSuccessEvent) else self.finish(event)

    def finish(self, event):
        return self.operator.resume_job(self.context, event)

    def run(self):
        return self.resume(self.defer())


async def event_of(trigger):
    [event] = [event async for event in trigger.run()]
    return event if isinstance(event, TaskSuccessEvent) else event.payload


@pytest.fixture
def make_task(local_kubernetes, monkeypatch):  # noqa: F811 - the fixture
    """Builds tasks whose connection leads to the local Kubernetes."""
    return _maker(local_kubernetes, monkeypatch)


@pytest.fixture
def make_slow_task(slow_kubernetes, monkeypatch):  # noqa: F811 - the fixture
    """Builds tasks whose connection leads to a slow cluster."""
    return _maker(slow_kubernetes, monkeypatch)


def _maker(place, monkeypatch):
    extra = {"kube_config_path": str(place.server.kubeconfig)}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": extra}))
    return lambda source, **options: Task(place, source, **options)


@pytest.fixture
def write_cron_job(tmp_path):
    """Writes a CronJob's manifest; returns its source."""

    def write(script, name="nightly", **spec):
        container = {"name": "c", "image": "busybox", "command": ["sh", "-c", script]}
        pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
        spared = {"annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}}  # on the slow cluster
        job = {"backoffLimit": 0, "template": {"metadata": spared, "spec": {**pod, **spec.pop("pod", {})}}, **spec}
        template = {"metadata": {"labels": {"team": "data"}, "annotations": {"note": "2026-01-01"}}, "spec": job}
        document = {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": name},
            "spec": {"schedule": "0 1 * * *", "jobTemplate": template},
        }
        path = Path(tmp_path / f"{name}.yaml")
        path.write_text(yaml.safe_dump(document))
        return FileSource(str(path), name)

    return write
