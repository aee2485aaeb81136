"""The ledger in the warehouse: which manifest each table was loaded from. It decides whether a load may go ahead."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl.loaders import Load, Outcome
from baton_workloads.etl.manifest import Snapshot

if TYPE_CHECKING:
    import psycopg

LOCK = 0x6261746F  # "bato": the first half of this project's advisory locks

CREATE = """
CREATE SCHEMA IF NOT EXISTS baton;
CREATE TABLE IF NOT EXISTS baton.load_ledger (
    load_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset         text NOT NULL,
    run_key         text NOT NULL,
    manifest_digest text NOT NULL,
    manifest_uri    text NOT NULL,
    snapshot        jsonb NOT NULL,
    policy_digest   text NOT NULL,
    key_fingerprint text,
    rows            bigint NOT NULL,
    target          text NOT NULL,
    table_oid       oid NOT NULL,
    loaded_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS load_ledger_dataset ON baton.load_ledger (dataset, load_id);
"""

CURRENT = """
SELECT manifest_digest, snapshot, policy_digest, key_fingerprint, rows,
       table_oid = coalesce(to_regclass(target)::oid, 0)
  FROM baton.load_ledger WHERE dataset = %s ORDER BY load_id DESC LIMIT 1
"""

INSERT = """
INSERT INTO baton.load_ledger
  (dataset, run_key, manifest_digest, manifest_uri, snapshot, policy_digest, key_fingerprint, rows, target, table_oid)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, to_regclass(%s)::oid)
"""


@dataclass(frozen=True)
class Entry:
    """What is loaded at present for a dataset.

    :param in_place: the table is still the one that was loaded; false when someone dropped or replaced it.
    """

    manifest_digest: str
    snapshot: Snapshot
    policy_digest: str
    key_fingerprint: str | None
    rows: int
    in_place: bool


def prepare(connection: "psycopg.Connection[Any]") -> None:
    """Make the ledger where it is missing; two first loads at once take turns."""
    if not _exists(connection):
        connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", (LOCK,))
        connection.execute(CREATE)
    connection.commit()


def _exists(connection: "psycopg.Connection[Any]") -> bool:
    found = connection.execute("SELECT to_regclass('baton.load_ledger') IS NOT NULL").fetchone()
    return bool(found and found[0])


def lock(connection: "psycopg.Connection[Any]", dataset: str) -> None:
    """Let one load of a dataset run at a time, until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCK, dataset))


def current(connection: "psycopg.Connection[Any]", dataset: str) -> Entry | None:
    """Give what is loaded for a dataset, or None."""
    row = connection.execute(CURRENT, (dataset,)).fetchone() if _exists(connection) else None
    if row is None:
        return None
    digest, snapshot, policy, fingerprint, rows, in_place = row
    return Entry(digest, Snapshot.model_validate(snapshot), policy, fingerprint, rows, in_place)


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


def record(connection: "psycopg.Connection[Any]", load: Load, target: str) -> None:
    """Write down what was loaded, in the transaction that loads it.

    :param target: the quoted name of the table.
    """
    from psycopg.types.json import Jsonb

    new = load.manifest
    snapshot = Jsonb(new.snapshot.model_dump(mode="json"))
    connection.execute(
        INSERT,
        (
            new.dataset,
            new.run_key,
            load.digest,
            load.uri,
            snapshot,
            new.policy_digest,
            new.key_fingerprint,
            new.rows,
            target,
            target,
        ),
    )
