"""Put the parts of a run together into one backup: its manifest is written last, authenticated, and never again."""

import hashlib
import time
from datetime import datetime
from typing import Any

from baton_workloads.backup import manifest
from baton_workloads.backup.catalogue import read_catalogue
from baton_workloads.backup.keys import manifest_key
from baton_workloads.backup.manifest import DatabaseDump, Manifest, Part
from baton_workloads.backup.parts import read_part
from baton_workloads.environment import required
from baton_workloads.errors import DataError


def seal(run_key: str, references: list[str]) -> dict[str, Any]:
    """Make a backup of parts.

    Its name follows from its parts, so a repeated seal finds what the first one wrote.

    :param references: addresses of parts with their digests, as the stages gave them.
    :returns: the stage's result, with the name and the manifest's digest.
    :raises DataError: a part is not what its stage wrote, there is no database among them, or a clock is wrong.
    """
    started = time.monotonic()
    root, key = required("BATON_BACKUPS_URI"), manifest_key()
    parts = [read_part(root, reference) for reference in references]
    taken_at = _taken_at(parts)
    name = f"{taken_at:%Y-%m-%dT%H%MZ}-{hashlib.sha256(' '.join(sorted(references)).encode()).hexdigest()[:6]}"
    known = read_catalogue(root, key)
    made = known.manifests.get(name)
    if made is None:
        if name in known.unreadable:
            raise DataError(f"the manifest of {name} is there but damaged; back up again with a new run")
        number, previous = known.head
        made = Manifest(
            name=name, number=number + 1, previous=previous, run_key=run_key, taken_at=taken_at, parts=parts
        )  # fmt: skip
        manifest.write(root, made, key)
    return {
        "stage": "seal",
        "backup": name,
        "number": made.number,
        "digest": manifest.digest(made),
        "taken_at": made.taken_at.isoformat(),
        "parts": [f"{part.kind} {part.name}" for part in made.parts],
        "chunks": len(made.chunks),
        "stored_bytes": sum(chunk.bytes for chunk in made.chunks),
        "faults": known.faults,
        "seconds": round(time.monotonic() - started, 3),
    }


def _taken_at(parts: list[Part]) -> datetime:
    """Give the moment that a restore brings back: the oldest of the databases' snapshots."""
    moments = [part.snapshot_at for part in parts if isinstance(part, DatabaseDump)]
    if not moments:
        raise DataError("there is no database among the parts: nothing that a restore could prove")
    if manifest.is_in_the_future(min(moments)):
        raise DataError(
            f"the snapshot is of {min(moments):%Y-%m-%d %H:%M} UTC, which is in the future: the clock of the"
            " database's server, or of this node, is wrong. It would count as the newest one until then: dump it again"
        )
    return min(moments)
