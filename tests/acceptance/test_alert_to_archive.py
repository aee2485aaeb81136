"""The real Prometheus and Alertmanager: a rule fires, and the diagnostics archive exists."""

import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.acceptance.alerting import SHOP, alerting, free_port, need_programs
from tests.acceptance.chain import RUN_SECONDS, await_value
from tests.acceptance.incidents import archives, deployed, deployment, files, s3

from baton_local.stack import Stack

PROMISED_SECONDS = 10


@pytest.fixture
def fire(stack: Stack, tmp_path: Path) -> Callable[[str], tuple[float, dict[str, str]]]:
    """Lets the example's rule fire for a new service; returns seconds from POST to archive, and its files."""
    need_programs()

    def until_archive(service: str) -> tuple[float, dict[str, str]]:
        stack.api.unpause("collect_diagnostics")
        client, port, folder = s3(stack), free_port(), tmp_path / service
        folder.mkdir()
        before = archives(client)
        command = ["python", "-c", SHOP, str(port)]
        url, token = stack.airflow.url, stack.credentials.alerts_token
        with (
            deployed(stack, deployment(service, command, image="python")),
            alerting(folder, receiver=url, token=token, service=service, metrics_port=port) as running,
        ):
            _connect(stack, running.prometheus)
            [key] = await_value(lambda: archives(client) - before, RUN_SECONDS / 2)
            seen = time.time()
            [(came, status), *_] = running.posts
            assert status == 200
            return seen - came, files(client, key)

    return until_archive


def _connect(stack: Stack, url: str) -> None:
    """Make the Airflow connection prometheus_default."""
    body = {"connection_id": "prometheus_default", "conn_type": "http", "host": url}
    action = {"action": "create", "entities": [body], "action_on_existence": "overwrite"}
    answer = stack.api.call("PATCH", "/connections", json={"actions": [action]})
    assert not answer["create"]["errors"], answer


def test_a_rule_fires_and_the_archive_exists(fire: Callable[[str], tuple[float, dict[str, str]]]) -> None:
    """With the service's log, its rollout, and what Prometheus saw of its requests."""
    service = f"orders-{secrets.token_hex(3)}"
    _, found = fire(service)

    text = "".join(found.values())
    assert "failing one request in ten" in text
    assert "rollouts.txt" in found
    assert "code=503" in found["metrics/requests.tsv"]
    assert "HighErrorRate" in found["index.html"]
    assert re.search(rf"baton/{service}: [\d.]+% of requests fail", found["index.html"])


@pytest.mark.soak
@pytest.mark.parametrize("stack", ["calm cluster"], indirect=True)
def test_the_archive_exists_within_ten_seconds_of_the_post(
    fire: Callable[[str], tuple[float, dict[str, str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of several times."""
    seconds = [fire(f"orders-{secrets.token_hex(3)}")[0] for _ in range(5)]
    with capsys.disabled():
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        print(f"\nPOST to archive, seconds: {[round(value, 2) for value in seconds]}; load of each core {load:.1f}")
    assert max(seconds) < PROMISED_SECONDS
