"""What an application's own image wrote into a shared volume, as an encrypted tar archive."""

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from baton_workloads.backup import programs
from baton_workloads.backup.archive import write_archive
from baton_workloads.backup.keys import recipients
from baton_workloads.backup.manifest import ApplicationFiles
from baton_workloads.backup.parts import emit_part
from baton_workloads.environment import required
from baton_workloads.errors import DataError


def archive_files(run_key: str, name: str, image: str, folder: Path) -> dict[str, Any]:
    """Store a folder.

    :param name: the application's.
    :param image: which image wrote the folder; the manifest says so.
    :returns: the stage's result.
    :raises DataError: the folder is empty: an application that wrote nothing has no backup.
    """
    started = time.monotonic()
    root, to, taken_at = required("BATON_BACKUPS_URI"), recipients(), datetime.now(UTC)
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    if not files:
        raise DataError(f"application {name} wrote nothing to {folder}; does its command fail silently?")
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
