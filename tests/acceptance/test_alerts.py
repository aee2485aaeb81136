"""Alerts on a running stack: an order becomes a Job; two API servers, a killed one, and a real Alertmanager."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from tests.acceptance.chain import RUN_SECONDS, await_value
from tests.acceptance.stacks import own_stack

from baton_local.layout import PROJECT
from baton_local.stack import Options, Stack

ALERTMANAGER = "prometheus-alertmanager"
GROUPS, MEMBERS = 40, 5
ROUTES = """
version: 1
routes:
  - name: storm
    matchers: ['alertname="Storm"']
    dag: do_nothing
    storm: {runs: 10000, per: 1h}
"""
AGAIN = """
route:
  receiver: baton
  group_by: [namespace]
  group_wait: 0s
  group_interval: 10s
receivers:
  - name: baton
    webhook_configs:
      - url: %s/alerts/v1/alertmanager
        http_config: {authorization: {type: Bearer, credentials_file: %s}}
"""
Json = dict[str, Any]


def sender(stack: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.credentials.alerts_token}"}


@pytest.mark.usefixtures("finished_run")  # Airflow's API server answers nobody while it serves its first task ever
def test_ordered_job_runs_to_its_end(stack: Stack) -> None:
    """From the order by HTTP to the Job's output in the task's log; the same order again is the same run."""
    stack.api.unpause("run_job_template")
    url, order = f"{stack.airflow.url}/alerts/v1/jobs", {"template": "collect-diagnostics-job", "id": "order-1"}
    answers = [httpx.post(url, json=order, headers=sender(stack), timeout=30).raise_for_status() for _ in range(2)]
    first, again = (answer.json()["decisions"][0] for answer in answers)
    assert (first["decision"], again["repeated"]) == ("run", True)
    assert first["run_id"] == again["run_id"]
    ends = ("success", "failed")
    state = await_value(
        lambda: next((end for end in ends if stack.api.run("run_job_template", first["run_id"])["state"] == end), None),
        RUN_SECONDS,
    )
    assert state == "success"
    assert "memory:" in stack.api.log("run_job_template", first["run_id"], "run_job", 1)


# ---- minutes: run by `./baton test --soak` ----


@pytest.fixture(scope="module")
def stormy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, whose one route starts runs that cost nothing."""
    folder = tmp_path_factory.mktemp("stormy")
    (folder / "routes.yaml").write_text(ROUTES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BATON_ALERTS_ROUTES", str(folder / "routes.yaml"))
        options = Options(extra_dags=PROJECT / "benchmarks" / "dags")
        with own_stack(folder / "state", options, "do_nothing") as made:
            made.api.unpause("do_nothing")
            yield made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], environment: dict[str, str], ready: str, log: Path) -> Iterator[None]:
    """A process for as long as a `with` block lasts; it begins when `ready` answers."""

    def is_ready() -> bool:
        try:
            return httpx.get(ready, timeout=5).is_success
        except httpx.HTTPError:
            return False

    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output, start_new_session=True
        )
        try:
            await_value(lambda: is_ready() or None, 300)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def runs(stack: Stack) -> list[str]:
    """The ids of all runs that alerts have made, from Airflow's own table."""
    with psycopg.connect(stack.postgres.dsn("airflow")) as connection:
        found = connection.execute("SELECT run_id FROM dag_run WHERE dag_id = 'do_nothing' ORDER BY id").fetchall()
    return [run_id for (run_id,) in found]


def storm_alert(group: int, member: int) -> Json:
    labels = {"alertname": "Storm", "namespace": f"team-{group}", "pod": f"pod-{member}"}
    return {"labels": labels, "annotations": {"summary": "it storms"}, "startsAt": "2026-11-22T08:00:00Z"}


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_identical_posts_to_two_api_servers_make_one_run(stormy: Stack, tmp_path: Path) -> None:
    """64 at once, half of them to each."""
    port = free_port()
    environment = {**stormy.airflow.environment(), "AIRFLOW__API__PORT": str(port)}
    second = f"http://127.0.0.1:{port}"
    labels = {"alertname": "Storm", "namespace": "twins"}
    body = [{"labels": labels, "startsAt": "2026-11-22T08:00:00Z", "fingerprint": "twins"}]

    async def send() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(headers=sender(stormy), timeout=60, limits=limits) as client:
            urls = [f"{url}/alerts/v1/generic" for url in (stormy.airflow.url, second) for _ in range(32)]
            return list(await asyncio.gather(*(client.post(url, json=body) for url in urls)))

    command = stormy.airflow.command("api-server")
    with running(command, environment, f"{second}/api/v2/monitor/health", tmp_path / "second.log"):
        answers = asyncio.run(send())
    assert {answer.status_code for answer in answers} == {200}
    assert [run for run in runs(stormy) if "twins" in run] == ["alert__storm__twins__20261122T080000.000000Z"]
    assert sorted(answer.json()["decisions"][0]["repeated"] for answer in answers) == [False] + [True] * 63


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_killed_api_server_loses_no_alert_and_doubles_none(stormy: Stack, tmp_path: Path) -> None:
    """`kill -9` in the middle of a storm: Alertmanager sends again what was not answered."""
    if shutil.which(ALERTMANAGER) is None:
        pytest.skip(f"{ALERTMANAGER} is not installed (a Debian package)")
    (tmp_path / "token").write_text(stormy.credentials.alerts_token)
    (tmp_path / "alertmanager.yaml").write_text(AGAIN % (stormy.airflow.url, tmp_path / "token"))
    url = f"http://127.0.0.1:{free_port()}"
    command = [ALERTMANAGER, f"--config.file={tmp_path / 'alertmanager.yaml'}", f"--storage.path={tmp_path / 'data'}"]
    command += [f"--web.listen-address={url.removeprefix('http://')}", "--cluster.listen-address="]
    before = len(runs(stormy))
    alerts = [storm_alert(group, member) for group in range(GROUPS) for member in range(MEMBERS)]
    with running(command, {}, f"{url}/-/ready", tmp_path / "alertmanager.log"):
        httpx.post(f"{url}/api/v2/alerts", content=json.dumps(alerts), headers={"Content-Type": "application/json"})
        await_value(lambda: len(runs(stormy)) > before + 10 or None, 120)
        [pid] = [part["pid"] for part in stormy.supervisor.processes() if part["name"] == "api-server"]
        os.kill(pid, signal.SIGKILL)
        at_kill = len(runs(stormy)) - before
        await_value(lambda: len(runs(stormy)) >= before + len(alerts) or None, 900)
    made = runs(stormy)[before:]
    assert at_kill < len(alerts), "the storm was over before the kill"
    assert len(made) == len(set(made)) == len(alerts)
    with psycopg.connect(stormy.postgres.dsn("airflow")) as connection:
        query = "SELECT run_id FROM baton_alert_decision WHERE verdict = 'run' AND fingerprint <> 'twins'"
        rows = {run_id for (run_id,) in connection.execute(query).fetchall()}
    assert rows == set(made)
