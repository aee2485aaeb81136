"""Load into PostgreSQL: COPY into a new table and swap it in, all in one transaction."""

from typing import TYPE_CHECKING, Any
from zlib import crc32

from baton_workloads.etl import database, ledger
from baton_workloads.etl.engine import identifier
from baton_workloads.etl.loaders import Load, Loader, Outcome
from baton_workloads.etl.loaders import postgres_surroundings as surroundings
from baton_workloads.etl.loaders.postgres_copy import fill
from baton_workloads.etl.manifest import Manifest
from baton_workloads.etl.source import qualified
from baton_workloads.progress import say

if TYPE_CHECKING:
    import psycopg

KEY_RULES = {"keep", "pseudonym"}  # rules that keep unique values unique


class PostgresLoader(Loader):
    """A PostgreSQL warehouse."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def load(self, load: Load) -> Outcome:
        """Replace the dataset's table, unless the ledger says that there is nothing to do."""
        dataset = load.manifest.dataset
        with database.connect(self._dsn, "warehouse") as connection:
            ledger.prepare(connection)
            ledger.lock(connection, dataset)
            outcome = ledger.decide(load, ledger.current(connection, dataset))
            if outcome == "loaded":
                _replace(connection, load)
            connection.commit()
        if outcome == "newer_present":
            say(f"load {dataset}: the warehouse holds a newer snapshot; nothing was changed")
        return outcome


def _replace(connection: "psycopg.Connection[Any]", load: Load) -> None:
    """Make the new table beside the old one, which readers use until the very end, and put it in its place.

    What the new table has: the manifest's columns with their types, the source's primary key where it survived, fresh
    statistics, and the old table's owner, grants, views and indexes. It has no foreign keys, defaults or checks.
    """
    made = load.manifest
    schema, table = made.target.split(".", 1)
    target = qualified(made.target)
    name = f"baton_staging_{crc32(table.encode()):08x}"
    staging = f"{identifier(schema)}.{name}"
    _run(connection, f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
    around = surroundings.read(connection, target)
    columns = ", ".join(f"{identifier(c.name)} {c.type}" for c in made.columns)
    _run(connection, f"CREATE TABLE {staging} ({columns})")
    fill(connection, load, staging)
    key = _key(made)
    if key:
        _run(connection, f"ALTER TABLE {staging} ADD CONSTRAINT {name}_pkey PRIMARY KEY ({key})")
    surroundings.make_indexes(connection, around.indexes, staging, name)
    _run(connection, f"ANALYZE {staging}")  # else the first queries are planned for an empty table
    _run(connection, *around.before, f"DROP TABLE IF EXISTS {target}")
    _run(connection, f"ALTER TABLE {staging} RENAME TO {identifier(table)}")
    if key:
        _run(connection, f"ALTER TABLE {target} RENAME CONSTRAINT {name}_pkey TO {identifier(f'{table}_pkey')}")
    surroundings.rename_indexes(connection, around.indexes, schema, name)
    _run(connection, *around.after)
    ledger.record(connection, load, target)


def _key(made: Manifest) -> str:
    """Give the columns of the primary key, empty where not all of them arrive with unique values still unique."""
    rules = {column.name: column.rule for column in made.columns}
    survives = all(rules.get(name) in KEY_RULES for name in made.keys.primary)
    return ", ".join(identifier(name) for name in made.keys.primary) if survives else ""


def _run(connection: "psycopg.Connection[Any]", *statements: str) -> None:
    for statement in statements:
        connection.execute(statement.encode())
