"""The warehouse chain as the demo runs it: on the real parts, through Airflow's REST API."""

import os
import subprocess
from contextlib import suppress
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any

import psutil
import psycopg
import pytest
from tests.acceptance.chain import CANARY, DAG_ID, Chain

from baton_local.object_store import stage_key, stage_keys
from baton_local.postgres import binaries
from baton_local.stack import Stack


def test_every_row_of_the_source_arrives(chain: Chain, finished_run: str):
    """What is in the warehouse afterwards is what was in the source, row for row."""
    assert chain.rows("warehouse") == chain.rows("source")
    assert set(chain.states(finished_run).values()) == {"success"}


def test_the_asset_is_updated_once_by_validate(stack: Stack, finished_run: str):
    """Reports are scheduled on the validated warehouse, not on a loaded one."""
    events = stack.api.call("GET", "/assets/events", params={"source_run_id": finished_run})["asset_events"]

    assert [(event["name"], event["source_task_id"]) for event in events] == [("warehouse", "validate")]


@pytest.mark.parametrize("stack", ["calm cluster", pytest.param("slow cluster", marks=pytest.mark.soak)], indirect=True)
def test_running_it_again_changes_no_row(chain: Chain, stack: Stack, finished_run: str):
    """A second run of the same day leaves the same rows and a second ledger entry, not doubled ones."""
    before = chain.rows("warehouse")
    run_id = chain.start()

    assert chain.finish(run_id) == "success"
    assert chain.rows("warehouse") == before
    assert {stack.api.result(DAG_ID, run_id, "customers.load")["outcome"]} <= {"loaded", "already_loaded"}


def test_raw_files_are_gone_after_a_validated_load(stack: Stack, finished_run: str):
    """The copy with personal data does not outlive its purpose."""
    import boto3

    key = stage_key(stack.credentials.master_key, "purge")
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{stack.ports.object_store}",
        aws_access_key_id=key.key_id,
        aws_secret_access_key=key.secret,
        region_name="us-east-1",
    )
    left = [item["Key"] for item in client.list_objects_v2(Bucket="raw").get("Contents", [])]

    assert left
    assert [key for key in left if not key.endswith("manifest.json")] == []


def metadata_dump(stack: Stack) -> str:
    """All of Airflow's metadata: XComs, rendered templates, runs' conf, serialised DAGs, audit log."""
    done = subprocess.run([binaries() / "pg_dump", stack.airflow.database_dsn], capture_output=True, check=True)
    return done.stdout.decode()


def state_files(stack: Stack) -> list[Path]:
    """Everything that the stack wrote beside its databases and its own secrets: logs of all parts, tasks and pods."""
    private = {"credentials.json", "passwords.json", "kubeconfig", "environment", "supervisord.conf"}
    return [
        path
        for path in stack.layout.state.rglob("*")
        if path.is_file() and path.name not in private and not path.is_relative_to(stack.layout.run / "postgres")
    ]


def test_personal_data_reaches_no_log_and_no_metadata(stack: Stack, finished_run: str):
    """The canary planted in the source's personal columns is in none of the places that people and tools can read."""
    with psycopg.connect(stack.source_dsn) as connection:
        planted = connection.execute(
            "SELECT count(*) FROM customers WHERE full_name LIKE %s", (f"%{CANARY}%",)
        ).fetchone()
    files = state_files(stack)
    found = [str(path) for path in files if CANARY.encode() in path.read_bytes()]

    assert planted
    assert planted[0] > 0
    assert any(path.is_relative_to(stack.layout.airflow_home / "logs") for path in files)
    assert found == []
    assert CANARY not in metadata_dump(stack)


def test_personal_data_reaches_no_table_of_the_warehouse(stack: Stack, finished_run: str):
    """Nothing that the policies do not keep is in the warehouse."""
    done = subprocess.run([binaries() / "pg_dump", stack.warehouse_dsn], capture_output=True, check=True)

    assert b"COPY public.customers" in done.stdout
    assert CANARY.encode() not in done.stdout


def test_secrets_reach_no_log_and_no_metadata(stack: Stack, finished_run: str):
    """No password or key stands in a log, an XCom, a rendered template or an audit row."""
    secrets = {
        name: value for name, value in asdict(stack.credentials).items() if name != "ui_user" and "_key" not in name
    }
    secrets |= {name: getattr(stack.credentials, name) for name in ("pseudonym_key", "fernet_key", "master_key")}
    secrets |= {key.key_id: key.secret for key in stage_keys(stack.credentials.master_key)}
    texts = {
        str(path): path.read_bytes()
        for path in state_files(stack)
        if path.suffix != ".db" and "/objects" not in str(path)
    }
    texts["metadata"] = metadata_dump(stack).encode()
    found = [
        (name, where) for name, value in secrets.items() for where, text in texts.items() if value.encode() in text
    ]

    assert found == []


def test_nothing_of_the_stack_listens_beyond_this_machine(stack: Stack):
    """Every socket of every process of the stack, pods included, is on loopback."""
    listening = [
        (" ".join(process.cmdline())[:80], socket.laddr.ip, socket.laddr.port)
        for process in processes_of(stack)
        for socket in connections_of(process)
        if socket.status == psutil.CONN_LISTEN or (socket.type == SOCK_DGRAM and not socket.raddr)
    ]
    ports = {port for _, _, port in listening}

    assert set(asdict(stack.ports).values()) <= ports, "a part was not looked at"
    assert [found for found in listening if not ip_address(found[1]).is_loopback] == []


def processes_of(stack: Stack) -> list[psutil.Process]:
    """Whatever runs below the stack's supervisor, or has its state folder in its variables, directory or command."""
    state = str(stack.layout.state)
    supervisor = psutil.Process(int((stack.layout.state / "supervisord.pid").read_text()))
    found = {supervisor, *supervisor.children(recursive=True)}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and state in f"{process.cmdline()} {process.cwd()} {process.environ()}":
                found.add(process)
    return list(found)


def connections_of(process: psutil.Process) -> list[Any]:
    """Its sockets; none if it has just ended."""
    with suppress(psutil.NoSuchProcess):
        return process.net_connections(kind="inet")
    return []


@pytest.mark.usefixtures("finished_run")
def test_the_web_ui_wants_a_login(stack: Stack):
    """Nobody on this machine reads runs without the password."""
    import httpx

    assert httpx.get(f"{stack.airflow.url}/api/v2/dags").status_code == 401
