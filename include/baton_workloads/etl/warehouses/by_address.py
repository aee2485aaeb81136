"""The warehouse of an address."""

from importlib import import_module
from pkgutil import iter_modules

from baton_workloads.errors import ConfigurationError
from baton_workloads.etl import warehouses
from baton_workloads.etl.warehouses.base import Warehouse


def warehouse_for(dsn: str) -> Warehouse:
    """Give the warehouse of a DSN: of the package whose ``SCHEMES`` have the DSN's scheme.

    :raises ConfigurationError: no kind of warehouse knows it.
    """
    scheme = dsn.partition("://")[0] if "://" in dsn else ""
    known = []
    for package in sorted(found.name for found in iter_modules(warehouses.__path__) if found.ispkg):
        kind = import_module(f"{warehouses.__name__}.{package}")
        if scheme in kind.SCHEMES:
            warehouse: Warehouse = kind.open_warehouse(dsn)
            return warehouse
        known.append(f"{kind.SCHEMES[0]}://")
    raise ConfigurationError(
        f"BATON_WAREHOUSE_DSN is no address that a loader knows; it begins with {' or '.join(known)}"
    )
