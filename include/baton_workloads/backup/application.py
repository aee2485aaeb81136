"""What an application's own image wrote into a shared volume, as an encrypted tar archive.

A dump that fails half-way often ends well all the same: ``pg_dump … | gzip`` ends with gzip's code. So what was written
is looked at before it counts: no archive that holds nothing, and not much less than in the backup before.
"""

import bz2
import gzip
import lzma
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zstandard

from baton_workloads.backup import programs
from baton_workloads.backup.archive import write_archive
from baton_workloads.backup.catalogue import read_catalogue
from baton_workloads.backup.keys import manifest_key, recipients
from baton_workloads.backup.manifest import ApplicationFiles
from baton_workloads.backup.parts import emit_part
from baton_workloads.environment import required
from baton_workloads.errors import DataError

TAR_BYTES, TAR_BYTES_A_FILE = 10240, 1024  # at most, that a tar adds to its files
OPENERS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".tgz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda path: zstandard.open(path, "rb"),
}


def archive_files(run_key: str, name: str, image: str, folder: Path, least_percent: int = 0) -> dict[str, Any]:
    """Store a folder.

    :param name: the application's.
    :param image: which image wrote the folder; the manifest says so.
    :param least_percent: of the files' size in the backup before, below which this one is refused; 0 for any.
    :returns: the stage's result.
    :raises DataError: the folder is empty, a file holds nothing, or all of it is much less than in the backup before.
    """
    started = time.monotonic()
    root, to, taken_at = required("BATON_BACKUPS_URI"), recipients(), datetime.now(UTC)
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    files, size_bytes = len(found), sum(path.stat().st_size for path in found)
    _refuse_nothing(name, folder, found, size_bytes)
    if least_percent:
        _refuse_much_less(root, name, size_bytes, least_percent)
    command = [programs.program("tar"), "--create", "--file=-", f"--directory={folder}", "."]
    with programs.reading_from(command, {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, f"tar of {name}") as output:
        path = f"data/{run_key}/{name}-{secrets.token_hex(4)}/{name}.tar.zst.age"
        archive = write_archive(root, path, output, to)
    part = ApplicationFiles(
        name=name, taken_at=taken_at, image=image, files=files, chunks=archive.chunks, raw_bytes=archive.raw_bytes,
        recipients=to,
    )  # fmt: skip
    return {
        "stage": "archive_files",
        "parts": [emit_part(root, run_key, part)],
        "files": files,
        "stored_bytes": part.stored_bytes,
        "seconds": round(time.monotonic() - started, 3),
    }


def _refuse_nothing(name: str, folder: Path, files: list[Path], size_bytes: int) -> None:
    if not size_bytes:
        raise DataError(f"application {name} wrote nothing to {folder}; does its command fail silently?")
    for path in files:
        if _holds_nothing(path):
            raise DataError(
                f"application {name} wrote {path.relative_to(folder)}, which holds nothing; does its command fail"
                " silently, for want of `set -o pipefail`? A file that may be empty is removed by the command itself"
            )


def _holds_nothing(path: Path) -> bool:
    """Say whether a compressed file unpacks to nothing; one that is damaged is its application's business."""
    opened = OPENERS.get(path.suffix)
    if opened is None:
        return False
    try:
        with opened(path) as file:
            return not file.read(1)
    except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError):
        return path.stat().st_size == 0


def _refuse_much_less(root: str, name: str, size_bytes: int, least_percent: int) -> None:
    """Compare with the newest backup that has this application."""
    for item in reversed(read_catalogue(root, manifest_key()).manifests.values()):
        before = next((p for p in item.parts if isinstance(p, ApplicationFiles) and p.name == name), None)
        if before is None:
            continue
        then_bytes = before.raw_bytes - TAR_BYTES - TAR_BYTES_A_FILE * before.files
        if size_bytes * 100 < then_bytes * least_percent:
            raise DataError(
                f"application {name} wrote {size_bytes} bytes, and about {then_bytes} for the backup {item.name}: less"
                f" than {least_percent} %. If that is right, set its least_percent to 0 in applications.yaml once"
            )
        return
