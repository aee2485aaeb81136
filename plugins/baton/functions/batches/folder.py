"""The folder of one batch task: `s3://bucket/prefix` through an Airflow connection, or `file:///…` for tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from baton.exceptions import PermanentError, TransientError

CHUNK_BYTES = 1 << 20


class Folder:
    """Files below one address. Blocks.

    :param aws_conn_id: for `s3://`.
    """

    def __init__(self, uri: str, aws_conn_id: str) -> None:
        if not uri.startswith(("s3://", "file:///")):
            raise PermanentError(f"result_uri {uri!r} is neither s3://bucket/… nor file:///…")
        self.uri = uri.rstrip("/")
        self._aws_conn_id = aws_conn_id
        self._s3: Any = None

    def address(self, name: str) -> str:
        """Return the address of a file."""
        return f"{self.uri}/{name}"

    def upload(self, path: Path, uri: str) -> None:
        """Store a file; readers see all of it or nothing.

        :raises TransientError: the store does not take it.
        """
        if uri.startswith("file:///"):
            with _written_whole(_path(uri)) as partial:
                shutil.copyfile(path, partial)
            return
        with _said("write", uri):
            self._client().upload_file(str(path), *_split(uri))

    def write(self, uri: str, content: bytes) -> None:
        """Store a small file."""
        if uri.startswith("file:///"):
            with _written_whole(_path(uri)) as partial:
                partial.write_bytes(content)
            return
        bucket, key = _split(uri)
        with _said("write", uri):
            self._client().put_object(Bucket=bucket, Key=key, Body=content)

    def download(self, uri: str, path: Path) -> None:
        """Fetch a file.

        :raises PermanentError: it does not exist, or may not be read.
        """
        if uri.startswith("file:///"):
            try:
                shutil.copyfile(_path(uri), path)
            except FileNotFoundError as err:
                raise PermanentError(f"{uri} does not exist") from err
            return
        bucket, key = _split(uri)
        with _said("read", uri), path.open("wb") as file:
            for chunk in self._client().get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(CHUNK_BYTES):
                file.write(chunk)

    def read(self, uri: str) -> bytes:
        """Return a small file's content."""
        if uri.startswith("file:///"):
            try:
                return _path(uri).read_bytes()
            except FileNotFoundError as err:
                raise PermanentError(f"{uri} does not exist") from err
        bucket, key = _split(uri)
        with _said("read", uri):
            content: bytes = self._client().get_object(Bucket=bucket, Key=key)["Body"].read()
            return content

    def _client(self) -> Any:
        if self._s3 is None:
            from airflow.providers.amazon.aws.hooks.s3 import S3Hook

            self._s3 = S3Hook(aws_conn_id=self._aws_conn_id).get_conn()
        return self._s3


class _said:
    """Turn botocore's errors into ours, with the address and the store's code."""

    def __init__(self, verb: str, uri: str) -> None:
        self._words = f"could not {verb} {uri}"

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, err: BaseException | None, traceback: object) -> None:
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(err, ClientError):
            status = err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            words = f"{self._words}: the store answered {status} {err.response.get('Error', {}).get('Code')}"
            raise (PermanentError if 400 <= status < 500 and status != 429 else TransientError)(words) from err
        if isinstance(err, BotoCoreError | S3UploadFailedError | OSError):
            raise TransientError(f"{self._words}: {type(err).__name__}") from err


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")  # a key may have ? and #, which end an URL's path
    return bucket, key.lstrip("/")


@contextmanager
def _written_whole(target: Path) -> Iterator[Path]:
    """Give a path beside a file; what is written there takes its place when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    yield partial
    partial.replace(target)


def _path(uri: str) -> Path:
    return Path(unquote(uri.removeprefix("file://")))
