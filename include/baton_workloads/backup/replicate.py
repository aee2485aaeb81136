"""Copy backups to other buckets or regions, and hash them there.

A replica is also the memory of what the first store has had: when that one goes back behind its replica, it is said.
"""

import time
from datetime import UTC, datetime
from typing import Any

from baton_workloads.backup import manifest
from baton_workloads.backup.catalogue import Catalogue, read_catalogue
from baton_workloads.backup.chunks import Chunk, read_chunks
from baton_workloads.backup.keys import manifest_key
from baton_workloads.backup.manifest import Manifest
from baton_workloads.backup.prune import prune
from baton_workloads.backup.retention import Policy
from baton_workloads.environment import required
from baton_workloads.errors import DataError, WorkloadError
from baton_workloads.progress import say
from baton_workloads.storage import join, store_for


def replicas() -> list[str]:
    """Give the addresses to copy to, from ``BATON_REPLICA_URI``, separated by commas."""
    return [uri.strip() for uri in required("BATON_REPLICA_URI").split(",") if uri.strip()]


def replicate(policy: Policy) -> dict[str, Any]:
    """Bring every replica up to date: what a killed run has copied is hashed, not copied again.

    :param policy: retention of the replicas.
    :returns: the stage's result with each replica's lag before and after.
    :raises DataError: the first store went back behind a replica, or a copy is not what its manifest says.
    """
    started = time.monotonic()
    root, key = required("BATON_BACKUPS_URI"), manifest_key()
    known = read_catalogue(root, key)
    done, failures = {}, []
    for target in replicas():
        try:
            done[target] = _one(root, known, target, key, policy)
        except WorkloadError as err:  # one region that is down must not keep the others from their copy
            say(f"error: {target}: {err}")
            failures.append(err)
    if failures:
        raise failures[0]
    return {
        "stage": "replicate",
        "replicas": done,
        "lag_seconds": max((item["lag_seconds_before"] for item in done.values()), default=0),
        "seconds": round(time.monotonic() - started, 3),
    }


def _one(root: str, known: Catalogue, target: str, key: bytes, policy: Policy) -> dict[str, Any]:
    there = read_catalogue(target, key)
    refuse_rollback(known, there, root, target)
    before = _lag(known, there)
    copied, hashed, behind = 0, 0, 0
    for name, item in known.manifests.items():
        proof_is_new = name in known.proofs and name not in there.proofs
        if name in there.pruned or (name in there.manifests and not proof_is_new):
            continue
        behind += 1
        if name not in there.manifests:
            for chunk in item.chunks:
                new = _bring(root, target, chunk)
                copied, hashed = copied + (chunk.bytes if new else 0), hashed + chunk.bytes
        _bring_documents(root, target, item, known, key)
    for name, note in known.pruned.items():
        if name not in there.pruned and name not in there.manifests:
            manifest.write(target, note, key)  # else its number would look lost there
    pruned = prune(target, policy)
    return {
        "backups": behind,
        "copied_bytes": copied,
        "hashed_bytes": hashed,
        "pruned": pruned["pruned"],
        "lag_seconds_before": before,
        "lag_seconds": _lag(known, read_catalogue(target, key)),
    }


def refuse_rollback(known: Catalogue, there: Catalogue, root: str, target: str) -> None:
    """Compare two stores' last numbers.

    :raises DataError: the replica knows more than the store that it is made from.
    """
    (number, _), (other_number, other_link) = known.head, there.head
    if other_number > number:
        raise DataError(
            f"{root} ends with backup number {number}, but {target} has number {other_number}: the store was rolled"
            " back. Nothing was copied; restore from the replica if you need the newer ones"
        )
    same = {item.number: manifest.digest(item) for item in known.manifests.values()}
    same |= {item.number: item.digest for item in known.pruned.values()}
    if other_link and same.get(other_number) not in (None, other_link.digest):
        raise DataError(
            f"backup number {other_number} of {root} is not the one that {target} has: its manifest was replaced"
        )


def _lag(known: Catalogue, there: Catalogue) -> int:
    """Give the age of the oldest backup that the replica still lacks, in seconds; 0 when it lacks none."""
    missing = [
        item.taken_at for name, item in known.manifests.items() if name not in {**there.manifests, **there.pruned}
    ]
    return int((datetime.now(UTC) - min(missing)).total_seconds()) if missing else 0


def _bring(root: str, target: str, chunk: Chunk) -> bool:
    """Make sure that a chunk is there, by hash; gives whether it had to be copied.

    :raises DataError: the original is damaged, or the copy is not what was sent.
    """
    uri = join(target, chunk.path)
    if _is_right(target, chunk):
        return False
    with store_for(uri).streaming(uri) as sink:
        for block in read_chunks(root, [chunk]):
            sink.write(block)
    for _ in read_chunks(target, [chunk]):
        continue
    return True


def _is_right(root: str, chunk: Chunk) -> bool:
    try:
        for _ in read_chunks(root, [chunk]):
            continue
    except DataError:
        return False
    return True


def _bring_documents(root: str, target: str, item: Manifest, known: Catalogue, key: bytes) -> None:
    """Write the proof, then the manifest: a replica without its manifest does not exist."""
    proof = known.proofs.get(item.name)
    if proof is not None:
        manifest.write(target, proof, key)
    manifest.write(target, item, key)
