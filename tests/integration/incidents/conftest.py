"""Workloads in trouble on the local Kubernetes, S3, Slack, and a task of a run that an alert started."""

from __future__ import annotations

import gc
import json
import secrets
import socket
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from kubernetes.client import AppsV1Api

from baton.alerts.conf import Alert, make_conf
from baton.incidents.diagnostics_operator import CollectDiagnosticsOperator
from baton_local import object_store
from baton_local.component import is_healthy
from baton_local.settings import Credentials
from local_kubernetes.testing import (  # noqa: F401 - fixtures
    local_kubernetes,
    local_kubernetes_server,
    slow_kubernetes,
    slow_kubernetes_server,
)

INCLUDE = Path(object_store.__file__).parents[1]
BEGIN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_ready(is_ready, seconds=30.0):
    end = time.monotonic() + seconds
    while not is_ready():
        assert time.monotonic() < end, is_ready
        time.sleep(0.05)


@pytest.fixture(scope="session")
def services(tmp_path_factory):
    """S3 with its buckets and grants, and Slack's stand-in; the connections that lead to them."""
    folder, credentials = tmp_path_factory.mktemp("services"), Credentials(slack_token=f"xoxb-{secrets.token_hex(8)}")
    stored = {"master_key": credentials.master_key, "slack_token": credentials.slack_token}
    (folder / "credentials.json").write_text(json.dumps(stored))
    messages = folder / "slack"
    messages.mkdir()
    ports = {"object_store": free_port(), "slack": free_port()}
    environment = {"PYTHONPATH": str(INCLUDE), "PATH": "/usr/bin:/bin"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"baton_local.{name}", str(port), str(folder / "credentials.json"), *more],
            env=environment,
            cwd=folder,
        )
        for (name, port), more in zip(ports.items(), ([], [str(messages)]), strict=True)
    ]
    try:
        await_ready(lambda: object_store.is_ready(ports["object_store"]))
        await_ready(lambda: is_healthy(ports["slack"]))
        key = object_store.stage_key(credentials.master_key, "airflow")
        endpoint = f"http://127.0.0.1:{ports['object_store']}"
        aws = {"endpoint_url": endpoint, "region_name": object_store.REGION}
        chat = {"base_url": f"http://127.0.0.1:{ports['slack']}/api/"}
        yield SimpleNamespace(
            connections={
                "AWS_DEFAULT": {"conn_type": "aws", "login": key.key_id, "password": key.secret, "extra": aws},
                "SLACK_API_DEFAULT": {"conn_type": "slack", "password": credentials.slack_token, "extra": chat},
            },
            s3=boto3.client(
                "s3",
                endpoint_url=endpoint,
                region_name=object_store.REGION,
                aws_access_key_id=key.key_id,
                aws_secret_access_key=key.secret,
            ),
            slack_folder=messages,
        )
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(10)


def connect(monkeypatch, connections):
    for name, connection in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))


@pytest.fixture
def place(local_kubernetes, services, monkeypatch):  # noqa: F811 - the fixture
    """A namespace that Airflow's connections lead to and that may be looked into."""
    extra = {"kube_config_path": str(local_kubernetes.server.kubeconfig)}
    connect(monkeypatch, {**services.connections, "KUBERNETES_DEFAULT": {"conn_type": "kubernetes", "extra": extra}})
    monkeypatch.setenv("BATON_DIAGNOSTICS_NAMESPACES", local_kubernetes.name)
    yield local_kubernetes
    gc.collect()  # what clients leave to the garbage collector


class Collected:
    """What a run left: its XCom, the archive's files, the messages to Slack."""

    def __init__(self, result, services, before):
        self.result = result
        bucket, _, self.key = result["archive"].removeprefix("s3://").partition("/")
        self.content = services.s3.get_object(Bucket=bucket, Key=self.key)["Body"].read()
        with zipfile.ZipFile(BytesIO(self.content)) as archive:
            assert archive.testzip() is None
            self.files = {name: archive.read(name).decode() for name in archive.namelist()}
        new = sorted(set(services.slack_folder.glob("*.json")) - before)
        self.messages = [json.loads(path.read_text()) for path in new]

    def matching(self, start, end=""):
        [found] = [text for path, text in self.files.items() if path.startswith(start) and path.endswith(end)]
        return found


@pytest.fixture
def collect(place, services):
    """Runs the operator for an alert with this target; returns what it left."""

    def run(target, *, labels=None, run_id="alert", **options):
        before = set(services.slack_folder.glob("*.json"))
        alert = Alert("alertmanager", "crashes", "firing", "f00d", BEGIN.isoformat(), labels=labels or {})
        conf = make_conf(alert, {"namespace": place.name, **target})
        task = CollectDiagnosticsOperator(task_id="collect", **options)
        dag_run = SimpleNamespace(dag_id="collect_diagnostics", run_id=run_id, run_after=BEGIN, conf=conf)
        return Collected(task.execute({"dag_run": dag_run}), services, before)

    return run


def pod(name, script, **container):
    base = {"name": "app", "image": "busybox", "command": ["sh", "-c", script], **container}
    return {"metadata": {"name": name}, "spec": {"restartPolicy": "Always", "containers": [base]}}


def deployment(name, script, replicas=1, **container):
    labels = {"app": name}
    base = {"name": "app", "image": "busybox", "command": ["sh", "-c", script], **container}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [base]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


@pytest.fixture
def apps(place):
    """The official client's AppsV1Api."""
    return AppsV1Api(place.client)
