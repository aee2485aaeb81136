"""Move old log files to cold storage: compress, upload, read back, compare, and only then free the original.

An object's name holds the time and the checksum of its file: whoever is killed after the upload finds the same name
again and writes the same content there, so nothing is lost and nothing is stored twice.
"""

import fnmatch
import hashlib
import os
import stat
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError, DataError, TransientError
from baton_workloads.idempotent.stopping import asked_to_stop
from baton_workloads.maintenance.allowance import Allowance, allowance
from baton_workloads.maintenance.expired_rows import Order, shop
from baton_workloads.maintenance.open_files import is_open_elsewhere, unlink_unless_open
from baton_workloads.maintenance.work import Clock
from baton_workloads.progress import say
from baton_workloads.storage import join, store_for

JOB = "maintenance rotate-logs"
CHUNK = 1 << 20
LEVEL = 10  # zstd's; logs are written once and seldom read
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Choice:
    """Which files are rotated.

    :param folder: where the logs are.
    :param patterns: shell patterns of names below the folder; one has to fit.
    :param protected: such patterns of files that stay.
    """

    folder: Path
    patterns: tuple[str, ...]
    protected: tuple[str, ...]

    def files(self, older_than: float, counts: Counter[str]) -> Iterator["LogFile"]:
        """Give the regular files that were last written before a time, by name; counts those that are protected."""
        for path in sorted(self.folder.rglob("*")):
            name, found = path.relative_to(self.folder).as_posix(), _stat(path)
            if (
                found is None
                or not stat.S_ISREG(found.st_mode)
                or found.st_mtime >= older_than
                or not _fits(name, self.patterns)
            ):
                continue
            if _fits(name, self.protected):
                counts["protected"] += 1
            else:
                yield LogFile(path, name, found)


@dataclass(frozen=True)
class LogFile:
    """A file as it was when it was chosen."""

    path: Path
    name: str
    chosen: os.stat_result

    @property
    def size_bytes(self) -> int:
        """Its size."""
        return self.chosen.st_size

    def object_name(self, sha256: str) -> str:
        """Its name in cold storage; line breaks and bytes that are no text are written out."""
        written = datetime.fromtimestamp(self.chosen.st_mtime, UTC)
        name = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in self.name)
        return f"{name}.{written:%Y%m%dT%H%M%SZ}.{sha256[:16]}.zst"

    def is_unchanged(self) -> bool:
        """Say whether it is the same file with the same content as far as its times tell."""
        now = _stat(self.path)
        return now is not None and _identity(now) == _identity(self.chosen)


def rotate(order: Order, choice: Choice, *, dry_run: bool = False) -> dict[str, Any]:
    """Rotate what is old enough.

    :param order: days since a file was last written, and how many files the run may free over all of its tries.
    :returns: job, outcome (``done``, ``limit_reached``, ``dry_run``), freed, in_use, protected, left, bytes_before,
        bytes_after, seconds.
    :raises ConfigurationError: there is no such folder.
    :raises DataError: what was read back is not what was written; the original is kept.
    :raises TransientError: the pod is being stopped, or the store does not answer; the next try goes on.
    """
    clock, root = Clock(0), join(required("BATON_COLD_STORAGE_URI"), "logs")
    if not choice.folder.is_dir():
        raise ConfigurationError(f"there is no folder {choice.folder}; mount the claim with the logs there")
    counts: Counter[str] = Counter(freed=0, in_use=0, protected=0, left=0, bytes_before=0, bytes_after=0)
    files = choice.files(time.time() - order.days * DAY_SECONDS, counts)
    with shop() as connection:
        if dry_run:
            outcome = _preview(files, counts)
        else:
            outcome = _work(files, counts, root, allowance(connection, JOB, order.run, order.limit))
    say(f"{choice.folder}: {', '.join(f'{name} {value}' for name, value in counts.items())}")
    return {"job": JOB, "outcome": outcome, "run": order.run, "limit": order.limit, **counts, "seconds": clock.seconds}


def _preview(files: Iterator[LogFile], counts: Counter[str]) -> str:
    for file in files:
        say(f"would move {file.name}")
        counts["left"] += 1
        counts["bytes_before"] += file.size_bytes
    return "dry_run"


def _work(files: Iterator[LogFile], counts: Counter[str], root: str, allowed: Allowance) -> str:
    with asked_to_stop() as asked:
        for file in files:
            if asked():
                raise TransientError(f"{JOB}: stopped by SIGTERM after {counts['freed']} files; the next try goes on")
            if allowed.spent() >= allowed.limit:
                counts["left"] += 1
            else:
                with _named_errors(file, counts):
                    _move(file, root, allowed, counts)
    reached = allowed.spent() >= allowed.limit
    allowed.end()
    return "limit_reached" if reached else "done"


def _move(file: LogFile, root: str, allowed: Allowance, counts: Counter[str]) -> None:
    if is_open_elsewhere(file.path):
        counts["in_use"] += 1
        return
    stored_bytes = _store(file, root)
    with allowed.batch(1) as batch:
        batch.took = batch.may
    if not batch.took:
        counts["left"] += 1
    elif stored_bytes is None or not file.is_unchanged() or not unlink_unless_open(file.path):
        say(f"{file.name} is in use or has changed; it stays")
        counts["in_use"] += 1
    else:
        counts.update(freed=1, bytes_before=file.size_bytes, bytes_after=stored_bytes)


@contextmanager
def _named_errors(file: LogFile, counts: Counter[str]) -> Iterator[None]:
    """A file that somebody else has moved meanwhile is no error; one that may not be touched is."""
    try:
        yield
    except FileNotFoundError:
        counts["in_use"] += 1
    except PermissionError as err:
        raise ConfigurationError(f"{file.name} may not be read or removed; run as its owner's group (fsGroup)") from err


def _store(file: LogFile, root: str) -> int | None:
    """Write a file to cold storage and read it back; gives the bytes there, None where the file changed meanwhile.

    What is written under the checksum's name has that checksum, or is not written. Nothing is ever deleted there: the
    object may be what another try has verified, and freed the file for.
    """
    import zstandard

    store, digest = store_for(root), _sha256(file.path)
    uri = join(root, file.object_name(digest))
    try:
        with store.writing(uri) as written:
            if _compress(file.path, written.path) != digest:
                raise _ChangedError
    except _ChangedError:
        return None
    with store.reading(uri, written.size_bytes, written.sha256) as path, path.open("rb") as stored:
        if _digest_of(zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True)) != digest:
            raise DataError(f"{uri} does not unpack to the content of {file.name}; the original is kept")
    return written.size_bytes


class _ChangedError(Exception):
    """Somebody writes to the file."""


def _compress(source: Path, target: Path) -> str:
    """Compress a file; gives the checksum of what was read."""
    import zstandard

    digest = hashlib.sha256()
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with source.open("rb") as read, target.open("wb") as written, compressor.stream_writer(written) as packed:
        while chunk := read.read(CHUNK):
            digest.update(chunk)
            packed.write(chunk)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return _digest_of(file)


def _digest_of(stream: Any) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
