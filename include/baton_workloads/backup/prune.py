"""Remove what retention no longer keeps, and what killed runs left; never the last proven backup.

Order: the note that a backup was pruned comes first and its manifest goes last, so a killed prune is finished by the
next one, and a gap in the numbers is always somebody else's work.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from baton_workloads.backup import manifest
from baton_workloads.backup.catalogue import Catalogue, read_catalogue
from baton_workloads.backup.keys import manifest_key
from baton_workloads.backup.manifest import Manifest, Pruned, Volumes
from baton_workloads.backup.retention import Known, Policy, doomed
from baton_workloads.backup.volumes import ALL_SNAPSHOTS
from baton_workloads.errors import DataError
from baton_workloads.storage import StoredObject, join, store_for

FORGOTTEN_AFTER = timedelta(days=2)  # longer than any backup takes


def prune(root: str, policy: Policy, proven: str = "", *, dry_run: bool = False) -> dict[str, Any]:
    """Apply a retention to a store.

    :param proven: the backup that has just been proven; nothing is removed unless the store agrees.
    :returns: the stage's result.
    :raises DataError: the last proven backup is not whole, or not the one that was named: nothing was removed.
    """
    started, now, key = time.monotonic(), datetime.now(UTC), manifest_key()
    store = store_for(root)
    known = read_catalogue(root, key)
    present = {item.uri: item for item in store.objects(root)}
    _refuse_without_whole_proof(root, known, present, proven)
    names = _doomed(known, policy, now)
    forgotten = _forgotten(root, known, present, now - FORGOTTEN_AFTER)
    freed = 0
    if not dry_run:
        kept = {chunk.path for name, item in known.manifests.items() if name not in names for chunk in item.chunks}
        for name in names:
            freed += _remove(root, known.manifests[name], kept, key, now)
        store.delete(forgotten)
        store.abandon(root, now - FORGOTTEN_AFTER)
    return {
        "stage": "prune",
        "pruned": names,
        "kept": [name for name in known.manifests if name not in names],
        "kept_snapshots": [ALL_SNAPSHOTS] if known.unreadable else _snapshots(known, names),
        "freed_bytes": freed + sum(present[uri].size_bytes for uri in forgotten),
        "forgotten_files": len(forgotten),
        "faults": known.faults,
        "dry_run": dry_run,
        "seconds": round(time.monotonic() - started, 3),
    }


def _doomed(known: Catalogue, policy: Policy, now: datetime) -> list[str]:
    """Name what goes: first what a killed prune has begun with, never the last proven backup.

    Why no age counts from later than the last proven backup: a clock that is ahead would make everything old.
    """
    last = known.last_proven
    backups = [Known(name, item.taken_at, name in known.proofs) for name, item in known.manifests.items()]
    begun = [name for name in known.manifests if name in known.pruned and last is not None and name != last.name]
    gone = doomed(backups, policy, min(now, last.taken_at) if last else now)
    return [*begun, *(name for name in gone if name not in begun)]


def _snapshots(known: Catalogue, gone: list[str]) -> list[str]:
    """Give the volume snapshots that the remaining backups name."""
    parts = [part for name, item in known.manifests.items() if name not in gone for part in item.parts]
    return [item.snapshot for part in parts if isinstance(part, Volumes) for item in part.snapshots]


def _refuse_without_whole_proof(root: str, known: Catalogue, present: dict[str, StoredObject], proven: str) -> None:
    last = known.last_proven
    if last is None:
        if proven:
            raise DataError(f"backup {proven} has no proof in the store; nothing was pruned")
        return
    if proven and proven not in known.proofs:
        raise DataError(f"backup {proven} has no proof in the store; nothing was pruned")
    for chunk in last.chunks:
        found = present.get(join(root, chunk.path))
        if found is None or found.size_bytes != chunk.bytes:
            raise DataError(
                f"{chunk.path} of {last.name}, the last proven backup, is missing or cut off; nothing was pruned"
            )


def _remove(root: str, item: Manifest, kept: set[str], key: bytes, now: datetime) -> int:
    """Remove one backup; a chunk that a backup which stays shares with it stays too. Gives the bytes freed."""
    store = store_for(root)
    manifest.write(
        root, Pruned(name=item.name, number=item.number, digest=manifest.digest(item), pruned_at=now), key
    )  # fmt: skip
    chunks = [chunk for chunk in item.chunks if chunk.path not in kept]
    store.delete([join(root, chunk.path) for chunk in chunks])
    store.delete([manifest.address(root, "proof", item.name)])
    store.delete([manifest.address(root, "manifest", item.name)])
    return sum(chunk.bytes for chunk in chunks)


def _forgotten(root: str, known: Catalogue, present: dict[str, StoredObject], before: datetime) -> list[str]:
    """Find old data that no manifest names, and parts that were sealed or never will be.

    Where a manifest cannot be read nothing is called forgotten: it may be the one that names it.
    """
    if known.unreadable:
        return []
    named = {join(root, chunk.path) for item in known.manifests.values() for chunk in item.chunks}
    folders = (join(root, "data") + "/", join(root, "parts") + "/")
    return sorted(
        uri for uri, item in present.items() if uri.startswith(folders) and uri not in named and item.modified < before
    )
