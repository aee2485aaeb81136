"""Objects behind an S3 API. Credentials and endpoint come from the usual ``AWS_*`` variables."""

import base64
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from baton_workloads.errors import ConfigurationError, DataError, MissingObjectError, TransientError
from baton_workloads.storage import local_disk
from baton_workloads.storage.base import Sink, Store, StoredObject, Written, sha256_of, verify
from baton_workloads.storage.s3_upload import Upload

ATTEMPTS = 5
LARGEST_PUT_BYTES = 1 << 30  # only views are read in one piece; S3 itself takes 5 GiB
BLOCK_BYTES = 1 << 20
BATCH = 1000  # what one DeleteObjects call takes
MISSING = {"NoSuchKey", "404"}
REFUSED = {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket"}


class S3Store(Store):
    """``s3://bucket/key``: one PUT for each file, so a killed upload leaves nothing behind."""

    def __init__(self) -> None:
        self._s3 = _client()

    def read_bytes(self, uri: str) -> bytes:
        """Give an object's content."""
        bucket, key = _split(uri)
        with _said("read", uri):
            content: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            return content

    def write_bytes(self, uri: str, content: bytes) -> None:
        """Write an object."""
        bucket, key = _split(uri)
        with _said("write", uri):
            self._s3.put_object(Bucket=bucket, Key=key, Body=content)

    @contextmanager
    def writing(self, uri: str) -> Iterator[Written]:
        """Give a temporary path; upload it when the block ends well. The store checks the sha256 too."""
        bucket, key = _split(uri)
        with _scratch() as path:
            written = Written(path)
            yield written
            written.size_bytes = path.stat().st_size
            written.sha256 = sha256_of(path)
            with _said("write", uri):
                self._upload(path, bucket, key, written)

    def _upload(self, path: Path, bucket: str, key: str, written: Written) -> None:
        if written.size_bytes > LARGEST_PUT_BYTES:
            self._s3.upload_file(str(path), bucket, key)  # in several requests
            return
        checksum = base64.b64encode(bytes.fromhex(written.sha256)).decode()
        with path.open("rb") as body:
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, ChecksumSHA256=checksum)

    @contextmanager
    def reading(self, uri: str, size_bytes: int, sha256: str) -> Iterator[Path]:
        """Download to a temporary path, check, and remove it when the block ends."""
        bucket, key = _split(uri)
        with _scratch() as path:
            with _said("read", uri), path.open("wb") as file:
                for chunk in self._s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20):
                    file.write(chunk)
            verify(uri, path, size_bytes, sha256)
            yield path

    @contextmanager
    def streaming(self, uri: str) -> Iterator[Sink]:
        """Upload in parts while the block runs; when it fails, the store is told to forget the parts."""
        bucket, key = _split(uri)
        upload = Upload(self._s3, bucket, key, partial(_said, "write", uri))
        try:
            yield upload
            upload.complete()
        except BaseException:
            upload.abort()
            raise

    def blocks(self, uri: str) -> Iterator[bytes]:
        """Read an object block by block, in one request."""
        bucket, key = _split(uri)
        with _said("read", uri):
            yield from self._s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(BLOCK_BYTES)

    def abandon(self, uri: str, older_than: datetime) -> int:
        """Forget old multipart uploads that nobody completed; their parts are billed until then."""
        bucket, prefix = _folder(uri)
        count = 0
        with _said("list", uri):
            for page in self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Uploads", []):
                    if item["Initiated"] < older_than:
                        self._s3.abort_multipart_upload(Bucket=bucket, Key=item["Key"], UploadId=item["UploadId"])
                        count += 1
        return count

    def objects(self, uri: str) -> Iterator[StoredObject]:
        """List objects below an address."""
        bucket, prefix = _folder(uri)
        with _said("list", uri):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Contents", []):
                    yield StoredObject(f"s3://{bucket}/{item['Key']}", item["Size"], item["LastModified"])

    def tags(self, uri: str) -> dict[str, str]:
        """Ask for an object's tags."""
        bucket, key = _split(uri)
        with _said("read the tags of", uri):
            try:
                answer = self._s3.get_object_tagging(Bucket=bucket, Key=key)
            except self._s3.exceptions.ClientError as err:
                if err.response.get("Error", {}).get("Code") in MISSING:
                    return {}
                raise
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def delete(self, uris: list[str]) -> None:
        """Remove objects, a thousand for each call."""
        for start in range(0, len(uris), BATCH):
            batch = uris[start : start + BATCH]
            bucket = _split(batch[0])[0]
            keys = [{"Key": _split(uri)[1]} for uri in batch]
            with _said("delete", batch[0]):
                answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            if answer.get("Errors"):
                raise _refused_deletes(bucket, answer["Errors"])


def _client() -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=5,
        read_timeout=60,
        s3={"addressing_style": "path" if _own_endpoint() else "auto"},
    )
    try:
        return boto3.session.Session().client("s3", config=config)
    except Exception as err:
        raise ConfigurationError(f"no S3 client: {type(err).__name__}; check the AWS_* variables") from err


def _own_endpoint() -> bool:
    """Say whether the store is not AWS itself; others seldom resolve a host name for each bucket."""
    return bool(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="baton-") as directory:
        yield Path(directory) / "part"


@contextmanager
def _said(verb: str, uri: str) -> Iterator[None]:
    """Turn botocore's errors into ours, with the object's address and the store's code, not its text."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except ClientError as err:
        raise _client_error(verb, uri, err) from err
    except NoCredentialsError as err:
        raise ConfigurationError(f"may not {verb} {uri}: no credentials; set AWS_ACCESS_KEY_ID and its secret") from err
    except (BotoCoreError, OSError) as err:
        raise _no_answer(verb, uri, err) from err


def _no_answer(verb: str, uri: str, err: Exception) -> Exception:
    """Give the error of a request that ended without an answer: of the network, or of the file that travels."""
    cause = getattr(err, "kwargs", {}).get("error", err)  # the client wraps what it meets while it reads a body
    if isinstance(cause, OSError) and not local_disk.is_of_network(cause):
        return local_disk.translate(cause, f"{verb} (on this machine)", uri)
    return TransientError(f"could not {verb} {uri}: {type(err).__name__}; is the object store up?")


def _client_error(verb: str, uri: str, err: Any) -> Exception:
    code = str(err.response.get("Error", {}).get("Code", ""))
    status = int(err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in MISSING:
        return MissingObjectError(f"{uri} does not exist")
    if code in REFUSED or status in {401, 403}:
        return ConfigurationError(f"may not {verb} {uri}: {code}; check bucket, credentials and their policy")
    if status == 429 or status >= 500:
        return TransientError(f"could not {verb} {uri}: the store answered {status} {code} {ATTEMPTS} times")
    return DataError(f"could not {verb} {uri}: the store answered {status} {code}")


def _refused_deletes(bucket: str, errors: list[dict[str, str]]) -> Exception:
    codes = sorted({error.get("Code", "") for error in errors})
    said = f"{len(errors)} objects of {bucket} were not deleted: {', '.join(codes)}"
    if REFUSED.intersection(codes):
        return ConfigurationError(f"{said}; check the credentials' policy, and whether the bucket locks its objects")
    return TransientError(f"{said}; run it again")


def _folder(uri: str) -> tuple[str, str]:
    bucket, prefix = _split(uri)
    return bucket, prefix.rstrip("/") + "/" if prefix else ""


def _split(uri: str) -> tuple[str, str]:
    """Give bucket and key; a key may have any sign in it, also those that end a path elsewhere."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key.lstrip("/")
