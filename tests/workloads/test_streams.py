"""Objects of unknown size on their way into a store: they appear whole, or not at all."""

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from baton_workloads.errors import ConfigurationError
from baton_workloads.storage import Store, s3_store, store_for

MIB = 1 << 20
LATER = timedelta(minutes=1)


@pytest.fixture
def bucket(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    """An S3 client and a bucket; the store of this process is the server's."""
    import boto3

    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    s3_store.cache_clear()
    client, name = boto3.client("s3"), f"streams-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=name)
    yield client, name
    client.close()
    s3_store.cache_clear()


def store(bucket: tuple[Any, str]) -> tuple[Store, str]:
    """The store and a bucket's address."""
    uri = f"s3://{bucket[1]}"
    return store_for(uri), uri


@pytest.mark.parametrize("size", [0, 1, 16 * MIB, 40 * MIB + 1])
def test_what_was_streamed_is_what_is_read(bucket: tuple[Any, str], size: int) -> None:
    """In one request or in parts; size and checksum are of what was written."""
    place, root = store(bucket)
    block = os.urandom(MIB)
    with place.streaming(f"{root}/a/object") as sink:
        for _ in range(size // MIB):
            sink.write(block)
        sink.write(b"x" * (size % MIB))
    expected = block * (size // MIB) + b"x" * (size % MIB)
    assert sink.size_bytes == size
    assert b"".join(place.blocks(f"{root}/a/object")) == expected


def test_a_stream_that_fails_leaves_no_object_and_no_parts(bucket: tuple[Any, str]) -> None:
    """Parts that were sent already are taken back: they would be billed and never seen."""
    client, name = bucket
    place, root = store(bucket)
    upload = ExitStack()
    sink = upload.enter_context(place.streaming(f"{root}/object"))
    sink.write(os.urandom(20 * MIB))
    assert "Uploads" in client.list_multipart_uploads(Bucket=name)
    error = RuntimeError("source")
    upload.__exit__(RuntimeError, error, None)
    assert "Contents" not in client.list_objects_v2(Bucket=name)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=name)


def test_a_store_that_refuses_in_the_middle_is_named(bucket: tuple[Any, str]) -> None:
    """The client's error becomes ours, with the object's address."""
    place, _ = store(bucket)
    uri = f"s3://{bucket[1]}-gone/object"
    with pytest.raises(ConfigurationError, match="NoSuchBucket"), place.streaming(uri) as sink:
        sink.write(b"x" * 20 * MIB)


def test_uploads_of_killed_writers_are_abandoned_when_they_are_old(bucket: tuple[Any, str]) -> None:
    """Those of the last days may still be completed."""
    client, name = bucket
    place, root = store(bucket)
    client.create_multipart_upload(Bucket=name, Key="data/x")
    client.create_multipart_upload(Bucket=name, Key="data-of-others/x")
    assert place.abandon(f"{root}/data", datetime(2000, 1, 1, tzinfo=UTC)) == 0  # this server dates all of them 2010
    assert place.abandon(f"{root}/data", datetime.now(UTC) + LATER) == 1
    assert [item["Key"] for item in client.list_multipart_uploads(Bucket=name)["Uploads"]] == ["data-of-others/x"]


class Locked(BaseHTTPRequestHandler):
    """A bucket that refuses every deletion, as S3 does it: with status 200."""

    def do_POST(self) -> None:
        """Answer DeleteObjects."""
        self.rfile.read(int(self.headers["Content-Length"]))
        error = "<Error><Key>a</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        body = f'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{error}</DeleteResult>'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_bucket_that_refuses_deletions_is_named(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying again is in vain: a policy or a lock is in the way, and the message has the store's own word for it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Locked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    for variable, value in {**s3, "AWS_ENDPOINT_URL_S3": address}.items():
        monkeypatch.setenv(variable, value)
    s3_store.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match="1 objects of kept were not deleted: AccessDenied"):
            store_for("s3://kept").delete(["s3://kept/a"])
    finally:
        s3_store.cache_clear()
        server.shutdown()
        server.server_close()
