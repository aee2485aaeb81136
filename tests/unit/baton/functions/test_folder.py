"""The folder of a batch task, on S3 and on a disk."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from baton.exceptions import PermanentError, TransientError
from baton.functions.batches.folder import Folder


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A real S3 server with a bucket; gives its address."""
    import httpx
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    httpx.put(f"http://{host}:{port}/functions").raise_for_status()
    yield f"http://{host}:{port}"
    server.stop()


def connect(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Name the store in the connection."""
    config = {"retries": {"total_max_attempts": 1}}
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1", "config_kwargs": config}
    connection = {"conn_type": "aws", "login": "key", "password": "secret", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_TEST", json.dumps(connection))


@pytest.fixture(params=["s3", "disk"])
def folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Folder:
    """A folder on each kind of store."""
    if request.param == "disk":
        return Folder(f"file://{tmp_path}/store/", "unused")
    connect(monkeypatch, request.getfixturevalue("s3"))
    return Folder("s3://functions/some/prefix", "aws_test")


def test_what_is_written_is_read(folder: Folder, tmp_path: Path) -> None:
    """Small files in one piece, large ones through the disk."""
    folder.write(folder.address("small.json"), b"{}")
    assert folder.read(folder.address("small.json")) == b"{}"
    large, again = tmp_path / "large", tmp_path / "again"
    large.write_bytes(b"0123456789" * 300_000)
    folder.write(folder.address("a#b?c.json"), b"[1]")
    assert folder.read(folder.address("a#b?c.json")) == b"[1]"
    folder.upload(large, folder.address("deep/large"))
    folder.download(folder.address("deep/large"), again)
    assert again.read_bytes() == large.read_bytes()


def test_missing_file_is_permanent(folder: Folder, tmp_path: Path) -> None:
    """With its address."""
    with pytest.raises(PermanentError, match="nowhere"):
        folder.read(folder.address("nowhere"))
    with pytest.raises(PermanentError, match="nowhere"):
        folder.download(folder.address("nowhere"), tmp_path / "x")


def test_store_that_is_down_is_worth_a_retry(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """The next try may reach it."""
    connect(monkeypatch, f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(TransientError, match="could not read s3://functions/x"):
        Folder("s3://functions", "aws_test").read("s3://functions/x")


def test_other_addresses_are_refused() -> None:
    """Before anything is done."""
    with pytest.raises(PermanentError, match="neither"):
        Folder("gs://bucket", "aws_test")
