"""Real parts for the workloads' tests: a PostgreSQL server, an S3 server, and the command line itself."""

import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.workloads.backups import Backups, make_backups
from tests.workloads.chain import Chain, Loaded, filled, make_chain
from tests.workloads.in_process import extensions_unchecked
from tests.workloads.postgres_server import Server, answers, free_port


@pytest.fixture(scope="session", autouse=True)
def quick_engine() -> Iterator[None]:
    """What runs in this process trusts the locked extension."""
    with extensions_unchecked():
        yield


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


@pytest.fixture
def people(file_chain: Chain) -> Chain:
    """The chain over ``file://`` with people, their visits and an empty table."""
    return filled(file_chain)


@pytest.fixture(scope="session")
def loaded_once(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """People in a warehouse that nobody changes."""
    folder = tmp_path_factory.mktemp("loaded")
    chain = filled(make_chain(server, f"file://{folder}/raw", f"file://{folder}/processed"))
    return Loaded(chain, chain.to_warehouse(), chain.to_processed("2026-11-23"))


@pytest.fixture
def loaded(loaded_once: Loaded, server: Server) -> Loaded:
    """People in a warehouse of the test's own; their source and their files are only to be read."""
    return loaded_once.copy(server)


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


@pytest.fixture
def backups(server: Server, tmp_path: Path) -> Backups:
    """A filled source and an empty ``file://`` store for backups."""
    return make_backups(server, f"file://{tmp_path}/backups")


@pytest.fixture(scope="module")
def recorded(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Backups, str]:
    """A sealed backup that the tests of one module only read."""
    made = make_backups(server, f"file://{tmp_path_factory.mktemp('recorded')}/backups")
    return made, made.sealed()


def in_a_copy(made: Backups, folder: Path) -> Backups:
    """Give the commands on a copy of a store."""
    shutil.copytree(made.root, folder)
    return replace(made, environment=made.environment | {"BATON_BACKUPS_URI": f"file://{folder}"})


@pytest.fixture
def sealed(recorded: tuple[Backups, str], tmp_path: Path) -> tuple[Backups, str]:
    """A sealed backup in a store that the test may damage."""
    made, name = recorded
    return in_a_copy(made, tmp_path / "backups"), name


@pytest.fixture(scope="session")
def proven_twice(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Backups, str, str]:
    """Two proven backups that nobody changes."""
    made = make_backups(server, f"file://{tmp_path_factory.mktemp('twice')}/backups")
    return made, made.proven("a"), made.proven("b")


@pytest.fixture
def two(proven_twice: tuple[Backups, str, str], tmp_path: Path) -> tuple[Backups, str, str]:
    """Two proven backups, the older one first, in a store that the test may damage."""
    made, old, new = proven_twice
    return in_a_copy(made, tmp_path / "backups"), old, new


@pytest.fixture(scope="module")
def backups_in_peace(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Backups:
    """A filled source whose store stays empty."""
    return make_backups(server, f"file://{tmp_path_factory.mktemp('peace')}/backups")


@pytest.fixture(params=["file", "s3"])
def anywhere(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Backups:
    """A filled source and an empty store of each kind."""
    if request.param == "file":
        return make_backups(server, f"file://{tmp_path}/backups")
    import boto3

    environment = request.getfixturevalue("s3")
    bucket = f"backups-{secrets.token_hex(4)}"
    client = boto3.client(
        "s3", endpoint_url=environment["AWS_ENDPOINT_URL_S3"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    client.create_bucket(Bucket=bucket)
    client.close()
    made = make_backups(server, f"s3://{bucket}/baton")
    made.environment |= environment
    return made
