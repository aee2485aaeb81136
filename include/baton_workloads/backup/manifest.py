"""What a backup consists of, what proves it, and how both are authenticated.

``manifests/{name}.json`` says what a backup is. Its number follows the number of the backup before it, whose digest it
holds: a backup that vanishes, or comes back, is noticed. ``proofs/{name}.json`` says that it was restored and compared,
``pruned/{name}.json`` that it was removed on purpose. Each carries a MAC over its own content and purpose.
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from baton_workloads.backup.chunks import Chunk
from baton_workloads.backup.keys import mac
from baton_workloads.backup.record import Record
from baton_workloads.errors import DataError
from baton_workloads.storage import join, store_for

NAME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{4}Z-[0-9a-f]{6}$"
FOLDERS = {"manifest": "manifests", "proof": "proofs", "pruned": "pruned"}
CLOCKS_DIFFER_BY = timedelta(minutes=5)

Name = Annotated[str, Field(pattern=NAME)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PartName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class _Piece(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Archived(_Piece):
    """Something that was stored.

    :param raw_bytes: before compression and encryption.
    :param recipients: the public age keys that it was encrypted to.
    """

    chunks: list[Chunk]
    raw_bytes: int
    recipients: list[str]

    @property
    def stored_bytes(self) -> int:
        """Give its size in the store."""
        return sum(chunk.bytes for chunk in self.chunks)


class DatabaseDump(Archived):
    """A database as pg_dump's custom format (``pg_restore`` reads it), uncompressed in itself."""

    kind: Literal["database"] = "database"
    name: PartName
    server_version: str
    pg_dump_version: str
    snapshot_at: datetime
    system_identifier: str
    record: Record


class ClusterObjects(Archived):
    """The namespace's objects as YAML, its Secrets among them.

    :param objects: kind → how many.
    """

    kind: Literal["cluster"] = "cluster"
    name: PartName
    taken_at: datetime
    objects: dict[str, int]


class ApplicationFiles(Archived):
    """What an application's own image wrote, as a tar archive."""

    kind: Literal["application"] = "application"
    name: PartName
    taken_at: datetime
    image: str
    files: int


class VolumeSnapshot(_Piece):
    """One volume's snapshot, kept by the cluster's storage driver."""

    claim: str
    snapshot: str
    handle: str
    restore_size: str
    taken_at: datetime


class Volumes(_Piece):
    """Snapshots of a namespace's volumes.

    :param skipped: why there are none; the cluster has no snapshots, for example.
    """

    kind: Literal["volumes"] = "volumes"
    name: PartName
    snapshots: list[VolumeSnapshot]
    skipped: str = ""


Part = Annotated[DatabaseDump | ClusterObjects | ApplicationFiles | Volumes, Field(discriminator="kind")]


class Link(_Piece):
    """The backup before this one."""

    name: Name
    digest: Digest


class Manifest(_Piece):
    """One backup.

    :param number: 1, 2, 3 … in this store.
    :param previous: the backup with the number before, if any.
    """

    format: Literal[1] = 1
    name: Name
    number: Annotated[int, Field(ge=1)]
    previous: Link | None
    run_key: str
    taken_at: datetime
    parts: list[Part]

    @property
    def databases(self) -> list[DatabaseDump]:
        """Give the dumps."""
        return [part for part in self.parts if isinstance(part, DatabaseDump)]

    @property
    def archives(self) -> list[DatabaseDump | ClusterObjects | ApplicationFiles]:
        """Give all that lies in this store."""
        return [part for part in self.parts if not isinstance(part, Volumes)]

    @property
    def chunks(self) -> list[Chunk]:
        """Give all objects of this backup."""
        return [chunk for part in self.archives for chunk in part.chunks]


class Proof(_Piece):
    """That a backup was restored and compared, and with what.

    :param digest: of the manifest.
    """

    format: Literal[1] = 1
    name: Name
    digest: Digest
    proven_at: datetime
    server_version: str
    tables: int
    rows: int
    seconds: float


class Pruned(_Piece):
    """That a backup was removed on purpose: what remains of it is its place in the row of numbers."""

    format: Literal[1] = 1
    name: Name
    number: int
    digest: Digest
    pruned_at: datetime


def is_in_the_future(moment: datetime) -> bool:
    """Say whether a moment cannot be yet: it was taken from a clock that is ahead."""
    return moment > datetime.now(UTC) + CLOCKS_DIFFER_BY


Document = TypeVar("Document", Manifest, Proof, Pruned)
KINDS: dict[type[BaseModel], str] = {Manifest: "manifest", Proof: "proof", Pruned: "pruned"}


def digest(document: BaseModel) -> str:
    """Give the sha256 of a document's content, without its MAC."""
    return hashlib.sha256(_canonical(document.model_dump(mode="json"))).hexdigest()


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def address(root: str, kind: str, name: str) -> str:
    """Give where a document lies."""
    return join(root, FOLDERS[kind], f"{name}.json")


def write(root: str, document: Manifest | Proof | Pruned, key: bytes) -> str:
    """Authenticate and publish a document; gives its address."""
    kind = KINDS[type(document)]
    content = document.model_dump(mode="json")
    signed = content | {"mac": mac(key, kind, _canonical(content))}
    uri = address(root, kind, document.name)
    store_for(uri).write_bytes(uri, json.dumps(signed, indent=1).encode())
    return uri


def read(root: str, model: type[Document], name: str, key: bytes | None) -> Document:
    """Read a document and check that it is what it claims to be.

    :param key: None reads it without asking who wrote it.
    :raises DataError: missing, damaged, written by somebody without the key, or put in another one's place.
    """
    kind = KINDS[model]
    uri = address(root, kind, name)
    try:
        content = json.loads(store_for(uri).read_bytes(uri))
        claimed = content.pop("mac")
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise DataError(f"{uri} is no {kind} of a backup: damaged or cut off") from err
    if key is not None and not hmac.compare_digest(str(claimed), mac(key, kind, _canonical(content))):
        raise DataError(f"{uri} was changed, or was not written with this manifest key: do not trust this backup")
    try:
        document = model.model_validate(content)
    except ValidationError as err:
        raise DataError(f"{uri} is no {kind} that this version can read: {err.errors()[0]['loc']}") from err
    if document.name != name:
        raise DataError(f"{uri} is the {kind} of {document.name}: it was put in the place of another one")
    return document
