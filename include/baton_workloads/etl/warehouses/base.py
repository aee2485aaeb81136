"""What every kind of warehouse can do, and what is said to it.

Tables are named as policies name them (``schema.table``), columns as manifests do; quoting is the warehouse's matter.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from baton_workloads.etl.manifest import Column, Manifest, Snapshot
from baton_workloads.etl.rules.violations import Violation

if TYPE_CHECKING:
    import duckdb

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


class Replacing(ABC):
    """One load of a dataset; nothing of it is seen before its block ends well."""

    @abstractmethod
    def entry(self) -> Entry | None:
        """Give what is loaded for the dataset, or None; no other load of it changes that before the block ends."""

    @abstractmethod
    def replace(self, load: Load, entry: Entry | None) -> None:
        """Replace the dataset's table by what the manifest names, and write that down.

        :param entry: what is loaded at present.
        :raises DataError: the files are not what the manifest says, or the load is refused.
        """


class StoredRows(ABC):
    """A loaded table as an engine reads it."""

    pieces: Sequence[str]
    """What the engine selects from, together all rows. Each carried column stands in it under its own name, in the
    type that it has in files; text and bytes shortened as ``checksums`` shortens them."""

    @abstractmethod
    def row(self, query: str) -> tuple[Any, ...]:
        """Give the one row of a query to the engine; several threads may ask at once."""


class Reading(ABC):
    """One moment of the warehouse, which all checks of a run see."""

    @abstractmethod
    def entry(self, dataset: str) -> Entry | None:
        """Give what is loaded for a dataset, or None."""

    @abstractmethod
    def columns(self, table: str) -> set[str]:
        """Name the columns that a table has."""

    @abstractmethod
    def count(self, table: str, violations: Sequence[tuple[Column, Violation]]) -> tuple[int, list[int]]:
        """Give how many rows a table has, and how many of them there are for each violation, in one pass."""

    @abstractmethod
    def count_doubled(self, table: str, key: list[str], *, is_primary: bool) -> int:
        """Give how many values of a key several rows have; a key that holds NULL is none.

        :param is_primary: the manifest says that it is the primary key, which may be proof by itself.
        """

    @abstractmethod
    def count_orphans(self, child: str, columns: list[str], parent: str, references: list[str]) -> int:
        """Give how many rows of a table refer to a row that is not there."""

    @abstractmethod
    def distinct(self, table: str, column: str) -> list[str]:
        """Give the different texts of a column that has few, without NULL."""

    @abstractmethod
    def rows(self, made: Manifest) -> AbstractContextManager[StoredRows]:
        """Open a loaded table for an engine."""

    @abstractmethod
    def engine(self, memory: str) -> "duckdb.DuckDBPyConnection":
        """Open an engine with which ``values`` can be read."""

    @abstractmethod
    def values(self, engine: "duckdb.DuckDBPyConnection", table: str, column: str) -> AbstractContextManager[str]:
        """Give what that engine selects a column from, called ``value``, until the block ends."""


class Warehouse(ABC):
    """A warehouse that tables can be loaded into, and read from to check them."""

    @abstractmethod
    def replacing(self, dataset: str) -> AbstractContextManager[Replacing]:
        """Begin a load of a dataset."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Reading]:
        """Begin to check what is loaded."""
