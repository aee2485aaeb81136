"""What every kind of warehouse can do, and what is said to it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from baton_workloads.etl.manifest import Manifest, Snapshot

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


class Loader(ABC):
    """A warehouse that tables can be loaded into."""

    @abstractmethod
    def load(self, load: Load) -> Outcome:
        """Replace the dataset's table.

        :raises DataError: the files are not what the manifest says, or the load is refused.
        """
