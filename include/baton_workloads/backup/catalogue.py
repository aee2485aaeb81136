"""All backups of a store, and what is wrong with the row of them: gaps, impostors, a head that went back."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from baton_workloads.backup import manifest
from baton_workloads.backup.manifest import Document, Link, Manifest, Proof, Pruned
from baton_workloads.errors import DataError
from baton_workloads.storage import join, store_for


@dataclass
class Catalogue:
    """What a store holds.

    :param manifests: by name, in the order of their numbers.
    :param proofs: by name, only those that belong to the manifest of that name.
    :param pruned: by name.
    :param faults: sentences; none when everything is as it was written.
    :param unreadable: backups whose manifest cannot be read, or is gone though they were proven; their files are
        unknown, so nothing may be called forgotten.
    """

    manifests: dict[str, Manifest] = field(default_factory=dict)
    proofs: dict[str, Proof] = field(default_factory=dict)
    pruned: dict[str, Pruned] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def head(self) -> tuple[int, Link | None]:
        """Give the highest number, and the backup that has it."""
        numbered: list[Manifest | Pruned] = [*self.manifests.values(), *self.pruned.values()]
        last = max(numbered, key=lambda item: item.number, default=None)
        return (last.number, Link(name=last.name, digest=_digest(last))) if last else (0, None)

    @property
    def last_proven(self) -> Manifest | None:
        """Give the newest backup that was restored and compared."""
        proven = [item for name, item in self.manifests.items() if name in self.proofs]
        return max(proven, key=lambda item: (item.taken_at, item.number), default=None)


def read_catalogue(root: str, key: bytes | None) -> Catalogue:
    """Read all documents of a store and compare them with one another.

    :param key: None reads them without asking who wrote them.
    :raises TransientError: the store does not answer.
    """
    found = Catalogue()
    found.pruned = dict(_documents(root, Pruned, key, found.faults, []))
    manifests = [item for _, item in _documents(root, Manifest, key, found.faults, found.unreadable)]
    found.manifests = {item.name: item for item in sorted(manifests, key=lambda item: item.number)}
    gone = []
    for name, proof in _documents(root, Proof, key, found.faults, []):
        known = found.manifests.get(name)
        if known is None and name not in (*found.unreadable, *found.pruned):
            gone.append(name)
        elif known is not None and manifest.digest(known) != proof.digest:
            found.faults.append(f"the proof of {name} is of another manifest: the backup counts as not proven")
        elif known is not None and manifest.is_in_the_future(known.taken_at):
            found.faults.append(f"{name} is of the future: a clock was wrong; it counts as not proven until then")
        elif known is not None:
            found.proofs[name] = proof
    found.faults += _gaps(found)
    found.faults += [f"the manifest of {name} is gone, or not copied yet: its proof is there" for name in gone]
    found.unreadable += gone
    return found


def _documents(
    root: str, model: type[Document], key: bytes | None, faults: list[str], unreadable: list[str]
) -> Iterator[tuple[str, Document]]:
    folder = join(root, manifest.FOLDERS[manifest.KINDS[model]])
    for item in store_for(root).objects(folder):
        name = item.uri.rpartition("/")[2].removesuffix(".json")
        try:
            yield name, manifest.read(root, model, name, key)
        except DataError as err:
            faults.append(str(err))
            unreadable.append(name)


def _digest(item: Manifest | Pruned) -> str:
    return item.digest if isinstance(item, Pruned) else manifest.digest(item)


def _gaps(found: Catalogue) -> list[str]:
    """Check that numbers have no gap and each backup's predecessor is the one that it names."""
    if found.unreadable:
        return []  # said already; what it would lead to would only confuse
    by_number: dict[int, list[Manifest | Pruned]] = {}
    everything: list[Manifest | Pruned] = [*found.pruned.values(), *found.manifests.values()]
    for item in everything:
        same = by_number.setdefault(item.number, [])
        if all(other.name != item.name for other in same):  # a prune that was killed leaves both
            same.append(item)
    faults = [
        f"backup number {number} is missing, and was not pruned: somebody removed it, or the store was rolled back"
        for number in range(1, max(by_number, default=0))
        if number not in by_number
    ]
    faults += [
        f"{' and '.join(item.name for item in same)} have the same number {number}: two runs at once, or a copy"
        for number, same in by_number.items()
        if len(same) > 1
    ]
    for item in found.manifests.values():
        before = by_number.get(item.number - 1, [])
        names = {(other.name, _digest(other)) for other in before}
        if before and item.previous and (item.previous.name, item.previous.digest) not in names:
            faults.append(f"{item.name} follows {item.previous.name}, but number {item.number - 1} is another backup")
    return faults
