"""A PostgreSQL warehouse: a load is one transaction, and so are all checks of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from baton_workloads.etl import database
from baton_workloads.etl.warehouses.base import Entry, Load, Reading, Replacing, Warehouse
from baton_workloads.etl.warehouses.postgres import ledger
from baton_workloads.etl.warehouses.postgres.reading import PostgresReading
from baton_workloads.etl.warehouses.postgres.replace import replace

if TYPE_CHECKING:
    import psycopg

WORK_MEM = "64MB"  # keys of some million rows are hashed in memory; the server's default would spill to disk
INDEX_MEM = "256MB"  # the same for indexes: with a key of some million rows, half the time of the server's default
RAISED = (
    f"SELECT set_config('maintenance_work_mem', '{INDEX_MEM}', true)"
    f" WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes('{INDEX_MEM}')"
)


class PostgresWarehouse(Warehouse):
    """The database of an address."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    @contextmanager
    def replacing(self, dataset: str) -> Iterator[Replacing]:
        """Begin the transaction of a load, which waits for others of the dataset."""
        with database.connect(self._dsn, "warehouse") as connection:
            ledger.prepare(connection)
            ledger.lock(connection, dataset)
            connection.execute(RAISED)
            yield PostgresReplacing(connection, dataset)
            connection.commit()

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Begin a transaction that sees one moment."""
        import psycopg

        with database.connect(self._dsn, "warehouse") as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute(f"SET work_mem = '{WORK_MEM}'")
            yield PostgresReading(connection, self._dsn)


class PostgresReplacing(Replacing):
    """A load's transaction."""

    def __init__(self, connection: "psycopg.Connection[Any]", dataset: str) -> None:
        self._connection = connection
        self._dataset = dataset

    def entry(self) -> Entry | None:
        """Ask the ledger."""
        return ledger.current(self._connection, self._dataset)

    def replace(self, load: Load, entry: Entry | None) -> None:
        """Make the new table and put it in the old one's place."""
        replace(self._connection, load, entry)
