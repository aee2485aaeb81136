"""Load into PostgreSQL: COPY into a new table and swap it in, all in one transaction."""

from typing import TYPE_CHECKING, Any
from zlib import crc32

from baton_workloads.errors import DataError
from baton_workloads.etl.engine import identifier
from baton_workloads.etl.manifest import Manifest
from baton_workloads.etl.rules import keeps_keys
from baton_workloads.etl.warehouses.base import Entry, Load
from baton_workloads.etl.warehouses.postgres import dependents, ledger
from baton_workloads.etl.warehouses.postgres.copy_files import fill
from baton_workloads.etl.warehouses.postgres.dependents import NewTable
from baton_workloads.etl.warehouses.postgres.load_privileges import ensure_schema
from baton_workloads.progress import say

if TYPE_CHECKING:
    import psycopg


def replace(connection: "psycopg.Connection[Any]", load: Load, entry: Entry | None) -> None:
    """Replace the dataset's table and write that down.

    :param entry: what the ledger says of the present table.
    """
    new = _new_table(load.manifest, entry)
    if entry is None:
        _check_free(connection, new)
    _replace(connection, load, new)


def _new_table(made: Manifest, entry: Entry | None) -> NewTable:
    keeping = frozenset(column.name for column in made.columns if keeps_keys(column.rule))
    return NewTable(
        target=made.target,
        types={column.name: column.type for column in made.columns},
        keeping=keeping,
        key=tuple(made.keys.primary) if keeping.issuperset(made.keys.primary) else (),
        same_policy=entry is not None and entry.policy_digest == made.policy_digest,
    )


def _check_free(connection: "psycopg.Connection[Any]", new: NewTable) -> None:
    """Refuse to replace rows of which the ledger knows nothing: the wrong database, or somebody's own table."""
    found = connection.execute("SELECT relkind::text FROM pg_class WHERE oid = to_regclass(%s)", (new.name,)).fetchone()
    if found is None or found[0] not in "rp":
        return
    filled = connection.execute(f"SELECT EXISTS (SELECT FROM {new.name})".encode()).fetchone()  # noqa: S608
    if filled and filled[0]:
        raise DataError(
            f"table {new.name} holds rows that no load of this chain brought; check BATON_WAREHOUSE_DSN, give the"
            " policy another target, or drop the table"
        )


def _replace(connection: "psycopg.Connection[Any]", load: Load, new: NewTable) -> None:
    """Make the new table beside the old one, which readers use until the very end, and put it in its place.

    What the new table has: the manifest's columns with their types, the source's primary key where it survived, fresh
    statistics, and everything that was attached to the old table (``dependents``). It has no foreign keys and checks.
    """
    name = f"baton_staging_{crc32(new.table.encode()):08x}"
    staging = f"{identifier(new.schema)}.{name}"
    ensure_schema(connection, new.schema)
    around = dependents.read(connection, new)
    if around.gone:
        say(f"load {load.manifest.dataset}: the changed policy ends {', '.join(around.gone)}")
    collations = {column: f" COLLATE {collation}" for column, collation in around.collations.items()}
    columns = ", ".join(f"{identifier(c)} {type_}{collations.get(c, '')}" for c, type_ in new.types.items())
    if around.oid is not None:  # else a default that changed since would move the table
        _run(connection, "SET LOCAL default_tablespace = ''")
    _run(connection, f"CREATE {around.kind}TABLE {staging} ({columns}){around.options}")
    dependents.dress(connection, new, around, staging)
    fill(connection, load, staging)
    own_key = new.key and not around.has_key
    if own_key:
        key = ", ".join(identifier(column) for column in new.key)
        _run(connection, f"ALTER TABLE {staging} ADD CONSTRAINT {name}_pkey PRIMARY KEY ({key})")
    dependents.build_indexes(connection, new, around, staging, name)
    _run(connection, f"ANALYZE {staging}")  # else the first queries are planned for an empty table
    if around.oid is not None:
        _run(connection, f"LOCK TABLE {new.name} IN ACCESS EXCLUSIVE MODE")
        dependents.check_same(new, around, dependents.read(connection, new))
        dependents.run(connection, new, around.before)
        _run(connection, f"DROP TABLE {new.name}")
    _run(connection, f"ALTER TABLE {staging} RENAME TO {identifier(new.table)}")
    if own_key:
        _run(connection, f"ALTER TABLE {new.name} RENAME CONSTRAINT {name}_pkey TO {identifier(f'{new.table}_pkey')}")
    dependents.give_back(connection, new, around, name)
    if around.oid is not None:
        dependents.ensure_returned(new, around, dependents.read(connection, new))
    ledger.record(connection, load, new.name)


def _run(connection: "psycopg.Connection[Any]", *statements: str) -> None:
    for statement in statements:
        connection.execute(statement.encode())
