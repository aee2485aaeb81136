"""The interface of a store, and checksums.

Why whole files pass through a local path: the engine writes and reads local Parquet, the checksum is taken over
exactly the bytes that travel, and a part is small (tens of MB), so disk use stays flat.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from baton_workloads.errors import DataError


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing shows it."""

    uri: str
    size_bytes: int
    modified: datetime


@dataclass
class Written:
    """Filled when a file has been published."""

    path: Path
    size_bytes: int = 0
    sha256: str = ""


class Sink(ABC):
    """Takes an object's bytes as they come; size and checksum are of what was written so far."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Give the checksum as hex."""
        return self._digest.hexdigest()

    def write(self, block: bytes) -> int:
        """Take a block; the caller may be made to wait, so that little of an object is in memory at any time."""
        self._digest.update(block)
        self.size_bytes += len(block)
        self._take(block)
        return len(block)

    @abstractmethod
    def _take(self, block: bytes) -> None: ...


class Store(ABC):
    """Files by address. Missing objects raise MissingObjectError, an unreachable store TransientError."""

    @abstractmethod
    def read_bytes(self, uri: str) -> bytes:
        """Give a small object's content."""

    @abstractmethod
    def write_bytes(self, uri: str, content: bytes) -> None:
        """Write a small object; readers see all of it or nothing."""

    @abstractmethod
    def writing(self, uri: str) -> AbstractContextManager[Written]:
        """Give a local path to write to; leaving the block publishes the file and fills size and checksum."""

    @abstractmethod
    def reading(self, uri: str, size_bytes: int, sha256: str) -> AbstractContextManager[Path]:
        """Give a local path whose content was checked against size and checksum.

        :raises DataError: missing, or not the bytes that the manifest promises.
        """

    @abstractmethod
    def streaming(self, uri: str) -> AbstractContextManager[Sink]:
        """Give a sink for an object of any size; it appears when the block ends well, and never when it does not."""

    @abstractmethod
    def blocks(self, uri: str) -> Iterator[bytes]:
        """Read an object of any size block by block, unchecked."""

    @abstractmethod
    def abandon(self, uri: str, older_than: datetime) -> int:
        """Remove what killed writers left unfinished below an address before a moment; gives how many."""

    @abstractmethod
    def objects(self, uri: str) -> Iterator[StoredObject]:
        """List all objects below an address."""

    def tags(self, uri: str) -> dict[str, str]:
        """Give an object's tags; none where the kind of store has no such thing, or the object is gone."""
        return {}

    @abstractmethod
    def delete(self, uris: list[str]) -> None:
        """Remove objects; one that is gone already is no error."""


def sha256_of(path: Path) -> str:
    """Give a file's checksum as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(uri: str, path: Path, size_bytes: int, sha256: str) -> None:
    """Compare a local file with what the manifest says.

    :raises DataError: truncated or changed.
    """
    actual = path.stat().st_size
    if actual != size_bytes:
        raise DataError(
            f"{uri} has {actual} bytes, its manifest says {size_bytes}: truncated or replaced; run its stage again"
        )
    if sha256_of(path) != sha256:
        raise DataError(f"{uri} has another sha256 than its manifest says: damaged or replaced; run its stage again")
