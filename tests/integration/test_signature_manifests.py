"""The shipped CronJobs' Jobs as pods of the local Kubernetes: image, arguments, Secret, role and environment fit."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
import yaml
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from baton_local import mailbox
from baton_local.layout import PROJECT
from baton_local.postgres import Postgres, binaries
from baton_local.stack import SHOP_ROLES
from local_kubernetes.testing import LocalKubernetes, Namespace, namespace

INCLUDE = PROJECT / "include"
MANIFESTS = INCLUDE / "cronjobs" / "signatures.yaml"
STEPS = ("shop/schema.sql", "shop/keys.sql", "baton_workloads/idempotent/ledger.sql")
ADD = """
INSERT INTO signature_workflows (document_title, requested_by, signer_name, signer_email, status, due_on)
VALUES ('Lease', 1, 'Zoë', 'signer@example.org', 'sent', %s)
"""
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@dataclass
class Mailbox:
    """A mail server's address and what it received."""

    url: str
    folder: Path

    def recipients(self) -> list[str]:
        """The address that each mail went to."""
        lines = [line for path in self.folder.glob("*.eml") for line in path.read_text().splitlines()]
        return sorted(line.removeprefix("To: ") for line in lines if line.startswith("To: "))


@pytest.fixture
def mails(tmp_path: Path) -> Iterator[Mailbox]:
    """The stack's mailbox."""
    port, folder = _free_port(), tmp_path / "mail"
    folder.mkdir()
    command = [sys.executable, "-m", "baton_local.mailbox", str(port), str(folder)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(INCLUDE)})
    _wait(lambda: mailbox.is_ready(port))
    yield Mailbox(f"smtp://127.0.0.1:{port}", folder)
    process.terminate()
    process.wait(10)


@pytest.fixture
def worker_dsn(postgres: Postgres, database: str) -> str:
    """The demo schema with the ledger, a requester, and a role that has what the stack's `shop_worker` has."""
    with psycopg.connect(database) as connection:
        for step in STEPS:
            connection.execute((INCLUDE / step).read_bytes())
        connection.execute(
            "INSERT INTO users (id, email, full_name, role, language, time_zone, password_hash) "
            "VALUES (1, 'requester@shop.example', 'Ada', 'agent', 'en', 'Europe/Berlin', 'x')"
        )
    name, password = f"worker_{secrets.token_hex(4)}", secrets.token_hex(8)
    base = database.rsplit("/", 1)[1]
    postgres.make_role(base, name, password, SHOP_ROLES["shop_worker"])
    return postgres.dsn(base, name, password)


@pytest.fixture
def place(tmp_path: Path, worker_dsn: str, mails: Mailbox) -> Iterator[Namespace]:
    """A namespace with the Secret that the manifests name, on a cluster with the project's images."""
    known = {"project": PROJECT, "venv": sys.prefix, "postgres": binaries()}
    variables = [word for name, value in known.items() for word in ("--image-var", f"{name}={value}")]
    directory = tmp_path / "kubernetes"
    directory.mkdir()
    images = INCLUDE / "manifests" / "images.yaml"
    with LocalKubernetes(directory, variables, images=images) as server, namespace(server, "baton") as place:
        values = {"BATON_SHOP_WORKER_DSN": worker_dsn, "BATON_SMTP_URL": mails.url}
        place.core.create_namespaced_secret("baton", {"metadata": {"name": "baton-signatures"}, "stringData": values})
        yield place


def test_the_shipped_jobs_do_their_work(place: Namespace, database: str, mails: Mailbox) -> None:
    """Both end as complete; the signer and the requester have their mails, and the shop's rows say so."""
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    with psycopg.connect(database, autocommit=True) as connection:
        for days in (3, -1):
            connection.execute(ADD, (today + timedelta(days=days),))
        for name in ("remind-signers", "expire-signatures"):
            complete(place, name)
        states = connection.execute("SELECT id, status::text FROM signature_workflows ORDER BY id").fetchall()
        reminders = connection.execute("SELECT workflow_id, outcome::text FROM signature_reminders").fetchall()
    assert (states, reminders) == ([(1, "sent"), (2, "expired")], [(1, "sent")])
    assert mails.recipients() == ["requester@shop.example", "signer@example.org"]


def complete(place: Namespace, name: str) -> None:
    """Run the Job of a CronJob to its end."""
    from kubernetes.client import BatchV1Api

    batch = BatchV1Api(place.client)
    batch.create_namespaced_job("baton", {"metadata": {"name": name}, "spec": job_spec(name)})

    def ended() -> set[str]:
        found = batch.read_namespaced_job_status(name, "baton").status.conditions or []
        return {condition.type for condition in found} & {"Complete", "Failed"}

    assert _wait(ended) == {"Complete"}, logs(place)


def job_spec(name: str) -> Any:
    """The template's Job, as it is shipped."""
    documents = yaml.safe_load_all(MANIFESTS.read_text(encoding="utf-8"))
    [found] = [each for each in documents if each["metadata"]["name"] == name]
    return found["spec"]["jobTemplate"]["spec"]


def logs(place: Namespace) -> str:
    """What the pods said."""
    pods = place.core.list_namespaced_pod("baton").items
    return "\n".join(place.core.read_namespaced_pod_log(pod.metadata.name, "baton") for pod in pods)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@retry(retry=retry_if_result(lambda found: not found), stop=stop_after_delay(90), wait=wait_fixed(0.1))
def _wait(question: Callable[[], Any]) -> Any:
    return question()
