"""Loaders: how processed files become a table of a warehouse. One module for each kind of warehouse.

A loader promises: the whole table is replaced in one step that other readers see as one; the same manifest loaded twice
changes nothing; a snapshot older than the loaded one never replaces it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from baton_workloads.errors import ConfigurationError
from baton_workloads.etl.manifest import Manifest

Outcome = Literal["loaded", "already_loaded", "newer_present"]


@dataclass(frozen=True)
class Load:
    """One dataset's processed manifest on its way into a warehouse.

    :param digest: sha256 of the manifest's bytes.
    :param accept_key_change: load although the warehouse holds pseudonyms made with another key.
    :param accept_source_change: load although the warehouse holds a snapshot of another source.
    """

    uri: str
    manifest: Manifest
    digest: str
    accept_key_change: bool = False
    accept_source_change: bool = False


class Loader(ABC):
    """A warehouse that tables can be loaded into."""

    @abstractmethod
    def load(self, load: Load) -> Outcome:
        """Replace the dataset's table.

        :raises DataError: the files are not what the manifest says, or the load is refused.
        """


def loader_for(dsn: str) -> Loader:
    """Give the loader for a warehouse's address.

    :raises ConfigurationError: no loader knows it.
    """
    if dsn.startswith(("postgresql://", "postgres://")):
        from baton_workloads.etl.loaders.postgres import PostgresLoader

        return PostgresLoader(dsn)
    raise ConfigurationError("BATON_WAREHOUSE_DSN is no address that a loader knows; it begins with postgresql://")
