"""Files on this machine or a mounted volume.

What is published is on disk, name and all, before the call returns: so what is written next, a manifest, never outlives
a power loss that its data did not. Errors of the block that writes are its own and go through unchanged.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import IO
from urllib.parse import quote, unquote

from baton_workloads.errors import MissingObjectError
from baton_workloads.storage.base import Sink, Store, StoredObject, Written, sha256_of, verify
from baton_workloads.storage.local_disk import named_errors

BLOCK_BYTES = 1 << 20
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP}  # some network file systems cannot sync a directory: they write it at once


class _FileSink(Sink):
    def __init__(self, file: IO[bytes], uri: str) -> None:
        super().__init__()
        self._file, self._uri = file, uri

    def _take(self, block: bytes) -> None:
        with named_errors("write", self._uri):
            self._file.write(block)


class FileStore(Store):
    """``file:///…``: a file appears under its name only when it is complete."""

    def read_bytes(self, uri: str) -> bytes:
        """Give a file's content."""
        with _reading(uri):
            return _path(uri).read_bytes()

    def write_bytes(self, uri: str, content: bytes) -> None:
        """Write a file through a partial one beside it."""
        with self.writing(uri) as written, named_errors("write", uri):
            written.path.write_bytes(content)

    @contextmanager
    def writing(self, uri: str) -> Iterator[Written]:
        """Give a partial path beside the final one; rename when the block ends well."""
        with _partial(uri) as partial:
            written = Written(partial)
            yield written
            with named_errors("write", uri):
                written.size_bytes = partial.stat().st_size
                written.sha256 = sha256_of(partial)
                _publish(partial, _path(uri))

    @contextmanager
    def reading(self, uri: str, size_bytes: int, sha256: str) -> Iterator[Path]:
        """Give the file itself after the check."""
        path = _path(uri)
        with named_errors("read", uri):
            if not path.is_file():
                raise MissingObjectError(
                    f"{uri} does not exist, but its manifest names it; was it purged? Run its stage again"
                )
            verify(uri, path, size_bytes, sha256)
        yield path

    @contextmanager
    def streaming(self, uri: str) -> Iterator[Sink]:
        """Write to a partial file beside the final one; rename when the block ends well."""
        with _partial(uri) as partial:
            with named_errors("write", uri):
                file = partial.open("wb")
            try:
                yield _FileSink(file, uri)
                with named_errors("write", uri):
                    file.close()
                    _publish(partial, _path(uri))
            finally:
                with suppress(OSError):  # of what was buffered: the error that led here matters more
                    file.close()

    def blocks(self, uri: str) -> Iterator[bytes]:
        """Read a file block by block."""
        with _reading(uri), _path(uri).open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    def abandon(self, uri: str, older_than: datetime) -> int:
        """Remove old partial files."""
        count = 0
        with named_errors("clean up", uri):
            for path in _path(uri).rglob(".*.partial"):
                with suppress(FileNotFoundError):  # its writer has published or removed it meanwhile
                    if datetime.fromtimestamp(path.stat().st_mtime, UTC) < older_than:
                        path.unlink()
                        count += 1
        return count

    def objects(self, uri: str) -> Iterator[StoredObject]:
        """List files below a directory, without those that are being written."""
        root = _path(uri)
        with named_errors("list", uri):
            found = sorted(root.rglob("*"))
        for path in found:
            if path.name.startswith(".") and path.suffix == ".partial":
                continue
            with named_errors("list", uri):
                stat = _stat(path)
            if stat is not None and S_ISREG(stat.st_mode):
                name = quote(os.fsencode(path.relative_to(root)))
                modified = datetime.fromtimestamp(stat.st_mtime, UTC)
                yield StoredObject(f"{uri.rstrip('/')}/{name}", stat.st_size, modified)

    def delete(self, uris: list[str]) -> None:
        """Remove files and the directories that become empty. They stay removed, also after a power loss."""
        emptied: dict[Path, str] = {}
        for uri in uris:
            path = _path(uri)
            with named_errors("delete", uri):
                path.unlink(missing_ok=True)
            emptied[path.parent] = uri
        for directory, uri in emptied.items():
            try:
                directory.rmdir()
                directory = directory.parent
            except OSError:  # not empty, or gone already
                pass
            with named_errors("delete", uri), suppress(FileNotFoundError):
                _sync(directory)


@contextmanager
def _reading(uri: str) -> Iterator[None]:
    with named_errors("read", uri):
        try:
            yield
        except FileNotFoundError as err:
            raise MissingObjectError(f"{uri} does not exist") from err


@contextmanager
def _partial(uri: str) -> Iterator[Path]:
    """Give a path beside the final one; nothing is left there in the end."""
    final = _path(uri)
    with named_errors("write", uri):
        _make_directories(final.parent)
    partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}.partial")
    try:
        yield partial
    finally:
        with suppress(OSError):  # what cannot be removed now is found by `abandon`
            partial.unlink()


def _make_directories(directory: Path) -> None:
    """Make a directory and those above it; each of their names is on disk before anything is written in it."""
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        _sync(each.parent)


def _publish(partial: Path, final: Path) -> None:
    """Give a file its name: first the content is brought to disk, then the name."""
    _sync(partial)
    partial.replace(final)
    _sync(final.parent)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:  # deleted since it was listed, or a link to nothing
        return None


def _path(uri: str) -> Path:
    return Path(unquote(uri.removeprefix("file://"), errors="surrogateescape"))


def _sync(path: Path) -> None:
    """Bring a file's content, or the names in a directory, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as err:
        if err.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)
