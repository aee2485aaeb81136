"""Whether a load goes ahead, by what the warehouse's ledger says is loaded. The same for every kind of warehouse."""

from baton_workloads.errors import DataError
from baton_workloads.etl.warehouses.base import Entry, Load, Outcome


def decide(load: Load, entry: Entry | None) -> Outcome:
    """Say whether a load goes ahead ("loaded") or why there is nothing to do.

    :raises DataError: another source or another pseudonym key, and that was not accepted by name.
    """
    new = load.manifest
    if entry is None:
        return "loaded"
    if entry.manifest_digest == load.digest and entry.in_place:
        return "already_loaded"
    if entry.snapshot.source() != new.snapshot.source():
        if not load.accept_source_change:
            raise DataError(
                f"dataset {new.dataset}: the warehouse holds a snapshot of another source database, so"
                ' neither is newer; if that is meant, run load_warehouse once with {"accept_source_change": true}'
                " (etl load --accept-source-change)"
            )
    elif new.snapshot.position() < entry.snapshot.position():
        return "newer_present"
    if entry.key_fingerprint and new.key_fingerprint != entry.key_fingerprint and not load.accept_key_change:
        raise DataError(
            f"dataset {new.dataset}: its pseudonyms were made with key {new.key_fingerprint}, the warehouse's with"
            f" {entry.key_fingerprint}; if the key was changed on purpose, run load_warehouse once with"
            ' {"accept_key_change": true} (etl load --accept-key-change)'
        )
    return "loaded"
