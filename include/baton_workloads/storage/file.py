"""Files on this machine or a mounted volume."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote

from baton_workloads.errors import ConfigurationError, DataError, TransientError
from baton_workloads.storage.base import Sink, Store, StoredObject, Written, sha256_of, verify

BLOCK_BYTES = 1 << 20


class _FileSink(Sink):
    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file

    def _take(self, block: bytes) -> None:
        self._file.write(block)


class FileStore(Store):
    """``file:///…``: a file appears under its name only when it is complete."""

    def read_bytes(self, uri: str) -> bytes:
        """Give a file's content."""
        try:
            return _path(uri).read_bytes()
        except FileNotFoundError as err:
            raise DataError(f"{uri} does not exist") from err
        except OSError as err:
            raise _os_error("read", uri, err) from err

    def write_bytes(self, uri: str, content: bytes) -> None:
        """Write a file through a partial one beside it."""
        with self.writing(uri) as written:
            written.path.write_bytes(content)

    @contextmanager
    def writing(self, uri: str) -> Iterator[Written]:
        """Give a partial path beside the final one; rename when the block ends well."""
        final = _path(uri)
        partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}.partial")
        written = Written(partial)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            yield written
            written.size_bytes = partial.stat().st_size
            written.sha256 = sha256_of(partial)
            _sync(partial)
            partial.replace(final)
        except OSError as err:
            raise _os_error("write", uri, err) from err
        finally:
            partial.unlink(missing_ok=True)

    @contextmanager
    def reading(self, uri: str, size_bytes: int, sha256: str) -> Iterator[Path]:
        """Give the file itself after the check."""
        path = _path(uri)
        if not path.is_file():
            raise DataError(f"{uri} does not exist, but its manifest names it; was it purged? Run its stage again")
        verify(uri, path, size_bytes, sha256)
        yield path

    @contextmanager
    def streaming(self, uri: str) -> Iterator[Sink]:
        """Write to a partial file beside the final one; rename when the block ends well."""
        final = _path(uri)
        partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}.partial")
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                yield _FileSink(file)
            _sync(partial)
            partial.replace(final)
        except OSError as err:
            raise _os_error("write", uri, err) from err
        finally:
            partial.unlink(missing_ok=True)

    def blocks(self, uri: str) -> Iterator[bytes]:
        """Read a file block by block."""
        try:
            with _path(uri).open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    yield block
        except FileNotFoundError as err:
            raise DataError(f"{uri} does not exist") from err
        except OSError as err:
            raise _os_error("read", uri, err) from err

    def abandon(self, uri: str, older_than: datetime) -> int:
        """Remove old partial files."""
        old = [
            path
            for path in _path(uri).rglob(".*.partial")
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) < older_than
        ]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def objects(self, uri: str) -> Iterator[StoredObject]:
        """List files below a directory, without those that are being written."""
        root = _path(uri)
        for path in sorted(root.rglob("*")):
            if path.is_file() and not (path.name.startswith(".") and path.suffix == ".partial"):
                stat = path.stat()
                name = quote(os.fsencode(path.relative_to(root)))
                modified = datetime.fromtimestamp(stat.st_mtime, UTC)
                yield StoredObject(f"{uri.rstrip('/')}/{name}", stat.st_size, modified)

    def delete(self, uris: list[str]) -> None:
        """Remove files and the directories that become empty."""
        for uri in uris:
            path = _path(uri)
            path.unlink(missing_ok=True)
            try:
                path.parent.rmdir()
            except OSError:
                continue  # not empty, or gone already


def _path(uri: str) -> Path:
    return Path(unquote(uri.removeprefix("file://"), errors="surrogateescape"))


def _sync(path: Path) -> None:
    """Bring a file to disk: a manifest must never outlive the data that it names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _os_error(verb: str, uri: str, err: OSError) -> Exception:
    if isinstance(err, PermissionError):
        return ConfigurationError(f"may not {verb} {uri}: {err.strerror}; give this stage's user the permission")
    return TransientError(f"could not {verb} {uri}: {err.strerror}")
