"""The ledger in the warehouse: which manifest each table was loaded from."""

from typing import TYPE_CHECKING, Any

from baton_workloads.etl.manifest import Snapshot
from baton_workloads.etl.warehouses.base import Entry, Load
from baton_workloads.etl.warehouses.postgres.load_privileges import ensure_schema

if TYPE_CHECKING:
    import psycopg

LOCK = 0x6261746F  # "bato": the first half of this project's advisory locks

CREATE = """
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


def prepare(connection: "psycopg.Connection[Any]") -> None:
    """Make the ledger where it is missing; two first loads at once take turns."""
    if not _exists(connection):
        connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", (LOCK,))
        ensure_schema(connection, "baton")
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
