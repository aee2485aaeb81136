"""Diagnostics of workloads in trouble on the local Kubernetes."""

from __future__ import annotations

import base64
import json
import os
import re
from urllib.parse import quote

import httpx
import pytest
from tests.integration.incidents.conftest import deployment, pod

from baton.exceptions import PermanentError
from baton.incidents.diagnostics.dumps import Dump
from baton.incidents.diagnostics.target import NamespaceRefusedError
from baton.incidents.diagnostics.workload import TargetGoneError

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
CANARY = "Zq7-geheim-4711"


@pytest.fixture
def crashing(place, until):
    """A pod that has restarted once and waits."""
    place.core.create_namespaced_pod(place.name, pod("crash", "echo attempt; echo last words >&2; exit 7"))

    def restarted():
        [status] = place.core.read_namespaced_pod("crash", place.name).status.container_statuses or [None]
        return status and status.restart_count and status.state.terminated

    until(restarted)


def test_a_crashing_pod_is_told_with_its_last_log(crashing, place, collect):
    """The log of the attempt that ended (a kubelet keeps no other), events, state; the index says what stands out."""
    found = collect({"pod": "crash"}, labels={"alertname": "CrashLoop"})

    assert "last words" in found.files["logs/crash/app.log"]
    assert "exitCode: 7" in found.files["pods/crash.yaml"]
    assert "BackOff" in found.files["events.txt"]
    assert any(path.startswith("nodes/") for path in found.files)
    index = found.files["index.html"]
    assert "restarted 1 times, last: Error" in index
    assert "exit code 7" in index
    assert 'href="logs/crash/app.log"' in index
    assert "does not serve metrics.k8s.io" in index
    assert "no Airflow connection prometheus_default" in index
    assert found.result["problems"] == []

    [message] = found.messages
    assert message["channel"] == "#alerts"
    assert "exit code 7" in json.dumps(message["blocks"])
    [link] = re.findall(r"<(http\S+?)\|", message["blocks"][-1]["text"]["text"])
    assert httpx.get(link.replace("&amp;", "&")).content == found.content
    assert "Signature" not in json.dumps(found.result)


def test_a_deployment_is_told_with_its_rollouts_and_all_its_pods(place, apps, until, collect):
    """Both revisions with their images; the pod in trouble first."""
    apps.create_namespaced_deployment(place.name, deployment("shop", "echo one; sleep 100"))
    until(lambda: apps.read_namespaced_deployment("shop", place.name).status.available_replicas)
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "busybox:2"}]}}}}
    apps.patch_namespaced_deployment("shop", place.name, change)
    until(lambda: apps.read_namespaced_deployment("shop", place.name).status.updated_replicas)
    until(lambda: len(place.core.list_namespaced_pod(place.name).items) == 1)

    found = collect({"deployment": "shop", "pod": "shop-gone-already"})

    rows = [re.split(r"\s{2,}", line.strip()) for line in found.files["rollouts.txt"].splitlines()[3:]]
    assert [(row[0], row[-1]) for row in rows] == [("1", "busybox"), ("2", "busybox:2")]
    assert "one" in found.matching("logs/shop-", "app.log")
    assert "workload/deployment-shop.yaml" in found.files
    assert found.result["problems"] == ["pod shop-gone-already does not exist (any more)"]


def test_planted_secrets_are_nowhere_in_the_archive(place, until, collect):
    """Not in logs, variables, arguments or events; not in what the message says either."""
    in_base64 = base64.b64encode(CANARY.encode()).decode()
    lines = [
        f"Authorization: Bearer {CANARY}",
        f"connecting to postgresql://shop:{CANARY}@db/shop",
        f'{{"user": "x", "password": "{CANARY}"}}',
        f"printed alone {CANARY} and {in_base64} and {quote(CANARY)}",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----",
        "MIIEowIBAAKCAQEA",
        "-----END RSA PRIVATE KEY-----",
        "someone@example.com wrote",
    ]
    env = [{"name": "SHOP_DB_PASSWORD", "value": CANARY}, {"name": "COLOUR", "value": "green"}]
    script = "cat <<'END'\n" + "\n".join(lines) + "\nEND\nsleep 100"
    body = pod("leaky", script, env=env, args=["--password", CANARY])
    body["metadata"]["annotations"] = {"note": f"token={CANARY}"}
    place.core.create_namespaced_pod(place.name, body)
    until(lambda: "wrote" in place.core.read_namespaced_pod_log("leaky", place.name))

    found = collect({"pod": "leaky"}, labels={"alertname": f"Leak secret={CANARY}", "note": f"password: {CANARY}"})

    everything = "\n".join([*found.files.values(), *map(json.dumps, found.messages), json.dumps(found.result)])
    for secret in (CANARY, in_base64, "AKIAIOSFODNN7", "MIIEowIB", "someone@example.com"):
        assert secret not in everything
    assert "green" in found.files["pods/leaky.yaml"]
    assert "SHOP_DB_PASSWORD" in found.files["pods/leaky.yaml"]


def test_a_dump_is_one_of_the_dags_commands_by_name(place, until, collect):
    """Its output is in the archive; a word that is no name of a dump runs nothing."""
    place.core.create_namespaced_pod(place.name, pod("app", "echo up; sleep 100"))
    until(lambda: "up" in place.core.read_namespaced_pod_log("app", place.name))
    dumps = [
        Dump("greet", "Greeting", ("sh", "-c", "echo hello from inside; echo aside >&2")),
        Dump("stuck", "Stuck", ("sleep", "50"), seconds=0.5),
    ]

    assert "hello from inside" in collect({"pod": "app", "dump": "greet"}, dumps=dumps).matching("dumps/app/app.greet")
    [problem] = collect({"pod": "app", "dump": "stuck"}, dumps=dumps).result["problems"]
    assert "took longer than 0.5 s" in problem
    with pytest.raises(PermanentError, match="not one of: greet, stuck"):
        collect({"pod": "app", "dump": "greet; rm -rf /"}, dumps=dumps)


def test_a_namespace_that_nobody_allowed_is_refused(place, collect):
    """Whatever the alert says; nothing is read and nothing is written."""
    with pytest.raises(NamespaceRefusedError, match="kube-system"):
        collect({"namespace": "kube-system", "pod": "x"})


def test_a_target_that_is_gone_is_said(place, collect):
    """The message names what was looked for."""
    with pytest.raises(TargetGoneError, match="job nightly does not exist"):
        collect({"job": "nightly"})


def test_without_slack_it_says_so_and_succeeds(crashing, collect, monkeypatch):
    """The archive is there all the same."""
    monkeypatch.delenv("AIRFLOW_CONN_SLACK_API_DEFAULT")
    found = collect({"pod": "crash"})
    assert found.result["slack"] == "not configured"
    assert "index.html" in found.files


def test_slack_that_refuses_costs_nothing_and_leaks_nothing(crashing, collect, monkeypatch, caplog):
    """The link is not in the log."""
    connection = json.loads(os.environ["AIRFLOW_CONN_SLACK_API_DEFAULT"])
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_API_DEFAULT", json.dumps({**connection, "password": "xoxb-wrong"}))
    found = collect({"pod": "crash"})
    assert found.result["slack"] == "not sent"
    assert "Signature" not in caplog.text
