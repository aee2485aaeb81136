"""Read a backup back to the last byte: who wrote its manifest, every checksum, and that it can be opened."""

import time
from datetime import datetime
from typing import Any

from baton_workloads.backup import manifest
from baton_workloads.backup.archive import read_archive
from baton_workloads.backup.keys import identities, manifest_key
from baton_workloads.backup.manifest import CLOCKS_DIFFER_BY, Archived, Manifest
from baton_workloads.errors import DataError
from baton_workloads.progress import say


def opened(root: str, name: str, digest: str = "", not_before: datetime | None = None) -> Manifest:
    """Read a manifest and hold it against what its reader knows of it.

    :param digest: what ``seal`` said; empty when unknown.
    :param not_before: an older backup is refused: it is valid, but not the one that was made now.
    :raises DataError: it is not authentic, another one, or stale.
    """
    found = manifest.read(root, Manifest, name, manifest_key())
    if digest and manifest.digest(found) != digest:
        raise DataError(f"the manifest of {name} is not the one that was sealed: it was rolled back or replaced")
    if not_before is not None and found.taken_at < not_before - CLOCKS_DIFFER_BY:
        raise DataError(
            f"backup {name} is of {found.taken_at:%Y-%m-%d %H:%M} UTC, before this run began at"
            f" {not_before:%Y-%m-%d %H:%M}: it is stale and proves nothing about today"
        )
    return found


def verify(root: str, name: str, digest: str = "", not_before: datetime | None = None) -> dict[str, Any]:
    """Read everything of a backup back.

    :returns: the stage's result.
    :raises DataError: something is missing, damaged, swapped, truncated, rolled back or stale.
    """
    started = time.monotonic()
    found, keys = opened(root, name, digest, not_before), identities()
    for part in found.archives:
        check_archive(root, f"{part.kind} {part.name}", part, keys)
        say(f"{part.kind} {part.name}: {len(part.chunks)} chunks, {part.stored_bytes >> 20} MiB are what was written")
    say(f"{name} is as it was written, to the last byte, by somebody who has the manifest key")
    return {
        "stage": "verify",
        "backup": name,
        "digest": manifest.digest(found),
        "chunks": len(found.chunks),
        "stored_bytes": sum(chunk.bytes for chunk in found.chunks),
        "raw_bytes": sum(part.raw_bytes for part in found.archives),
        "seconds": round(time.monotonic() - started, 3),
    }


def check_archive(root: str, what: str, part: Archived, keys: list[Any]) -> None:
    """Read one archive back.

    :raises DataError: its bytes are not those of its manifest.
    """
    raw = read_archive(root, part.chunks, keys)
    if raw != part.raw_bytes:
        raise DataError(f"{what} has {raw} bytes when it is opened instead of {part.raw_bytes}")
