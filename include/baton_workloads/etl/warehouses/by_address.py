"""The warehouse of an address."""

from baton_workloads.errors import ConfigurationError
from baton_workloads.etl.warehouses.base import Loader


def loader_for(dsn: str) -> Loader:
    """Give the loader for a warehouse's address.

    :raises ConfigurationError: no loader knows it.
    """
    if dsn.startswith(("postgresql://", "postgres://")):
        from baton_workloads.etl.warehouses.postgres.replace import PostgresLoader

        return PostgresLoader(dsn)
    raise ConfigurationError("BATON_WAREHOUSE_DSN is no address that a loader knows; it begins with postgresql://")
