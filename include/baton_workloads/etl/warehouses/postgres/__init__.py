"""PostgreSQL as the warehouse."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baton_workloads.etl.warehouses.base import Warehouse

SCHEMES = ("postgresql", "postgres")


def open_warehouse(dsn: str) -> "Warehouse":
    """Give the warehouse of an address."""
    from baton_workloads.etl.warehouses.postgres.warehouse import PostgresWarehouse

    return PostgresWarehouse(dsn)
