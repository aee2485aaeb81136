"""The parts that steps touch, each a real one: PostgreSQL, a mail server, an HTTP server, a folder for results."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.integration.conftest import _free_port

from baton.jobs.model.job import Job
from baton.jobs.run.execution import Execution
from baton.jobs.run.results import Results
from baton_local import mailbox

INCLUDE = Path(mailbox.__file__).parents[1]
Api = dict[str, Any]


class Memory(dict):
    """Airflow's task state store, as JSON; `spent` counts what was written."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The stack's SMTP sink: its port and its folder."""
    folder, port = tmp_path_factory.mktemp("mail"), _free_port()
    command = [sys.executable, "-m", "baton_local.mailbox", str(port), str(folder)]
    with subprocess.Popen(command, env={"PYTHONPATH": str(INCLUDE)}) as process:
        while not mailbox.is_ready(port):
            assert process.poll() is None
        yield port, folder
        process.terminate()


@pytest.fixture
def api() -> Iterator[Api]:
    """An HTTP API: `answers` are given in turn (status, body, headers), `asked` is what came."""
    state: Api = {"answers": [], "asked": []}

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state["asked"].append((self.command, self.path, dict(self.headers), body.decode()))
            status, answer, headers = (*(state["answers"].pop(0) if state["answers"] else (200, {})), {})[:3]
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            if status == 0:  # gone without a word
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"Content-Length": len(content), **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        state["port"] = server.server_address[1]
        yield state
        server.shutdown()


@pytest.fixture
def memory() -> Memory:
    """What the execution remembers."""
    return Memory()


@pytest.fixture
def run(
    module_database: str, mail: tuple[int, Path], api: Api, memory: Memory, tmp_path: Path, monkeypatch: Any
) -> Callable[..., Execution]:
    """Runs the steps of a job as a task does; the same memory for each call."""
    info = psycopg.conninfo.conninfo_to_dict(module_database)
    login = {"login": info["user"], "password": info["password"], "schema": info["dbname"]}
    shop = {"conn_type": "postgres", "host": info["host"], "port": int(info["port"]), **login}
    mails = {"disable_ssl": True, "disable_tls": True, "from_email": "a@b.example", "to_email": "ops@b.example"}
    connections = {
        "SHOP": shop,
        "API": {"conn_type": "http", "host": "127.0.0.1", "port": api["port"], "password": "s3cret"},
        "SMTP_DEFAULT": {"conn_type": "smtp", "host": "127.0.0.1", "port": mail[0], "extra": mails},
    }
    for name, connection in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))

    def run(*steps: dict[str, Any], key: str = "d/r", **fields: Any) -> Execution:
        job = Job.model_validate({"name": "J", "steps": list(steps), **fields})
        execution = Execution(
            job=job,
            store=memory,
            results=Results((tmp_path / "results").as_uri()),
            names={"input": {}, "run": {"id": "r", "day": "2026-01-01"}, "job": {"name": "J"}},
            key=key,
            seconds=60,
            sleep=waits.append,
        )
        execution.run(list(zip(job.step_names(), job.steps, strict=True)))
        return execution

    waits: list[float] = []
    run.waits = waits  # type: ignore[attr-defined]
    return run
