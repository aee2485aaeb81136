"""Manifests: what a stage made, and from what. They travel between stages instead of data.

A manifest is written last, so a stage that was killed leaves files which nothing names; a reader opens only what a
manifest names and checks it against size, checksum and row count.
"""

import hashlib
import json
import re
import secrets
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from baton_workloads.errors import DataError
from baton_workloads.storage import join, store_for

FORMAT = 1
NAME = "manifest.json"

RUN_KEY = r"^[A-Za-z0-9][A-Za-z0-9._:+-]{0,99}$"
RunKey = Annotated[str, Field(pattern=RUN_KEY)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Snapshot(_Part):
    """The moment at which all datasets of a run were read.

    Order: within one source (``system_identifier`` and ``database``), by ``(timeline, lsn)``. Why the timeline: a
    restored server starts a new one, and its log position may lie before one that was seen already.
    """

    id: str
    taken_at: datetime
    system_identifier: str
    database: str
    timeline: int
    lsn: Annotated[str, Field(pattern=r"^[0-9A-F]+/[0-9A-F]+$")]

    def source(self) -> tuple[str, str]:
        """Give what identifies the source; snapshots of different sources have no order."""
        return self.system_identifier, self.database

    def position(self) -> tuple[int, int]:
        """Give what orders snapshots of one source."""
        high, low = self.lsn.split("/")
        return self.timeline, (int(high, 16) << 32) + int(low, 16)


class Column(_Part):
    """A column as the source has it and as the files carry it.

    :param type: SQL type, for example ``numeric(12,2)``; in a processed manifest the warehouse's.
    :param udt: the type's short name as in ``pg_type.typname`` (``int8``, ``_text``); ``enum`` and ``other`` for types
        that the source's users made.
    :param carrier: how files hold it: ``native`` Parquet type, PostgreSQL's ``text`` form, or ``absent``.
    """

    name: str
    type: str
    udt: str
    carrier: Literal["native", "text", "absent"]
    rule: str | None = None


class File(_Part):
    """One data file; the path is relative to the manifest's directory."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+/part-[0-9]{5,}\.parquet$")]
    rows: Annotated[int, Field(ge=0)]
    bytes: Annotated[int, Field(gt=0)]
    sha256: Sha256


class ForeignKey(_Part):
    """A reference to another dataset of the same run.

    :param enforced: it holds for every row; false where it was never validated, or stands on some partitions only.
    """

    columns: list[str]
    dataset: str
    references: list[str]
    enforced: bool = True


class Keys(_Part):
    """What the source guarantees about keys; validate checks that it still holds in the warehouse.

    :param partial: primary keys of single partitions or heirs, which are unique within these only.
    """

    primary: list[str] = []
    unique: list[list[str]] = []
    partial: list[list[str]] = []
    foreign: list[ForeignKey] = []


class Parent(_Part):
    """The manifest from which this one was made."""

    uri: str
    sha256: Sha256
    rows: int


class Manifest(_Part):
    """What one stage made of one dataset in one run."""

    format: Literal[1]
    dataset: str
    run_key: RunKey
    stage: Literal["export", "transform"]
    snapshot: Snapshot
    source: str
    target: str
    files: list[File]
    columns: list[Column]
    keys: Keys
    rows: Annotated[int, Field(ge=0)]
    policy_digest: Sha256
    key_fingerprint: str | None = None
    parent: Parent | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> "Manifest":
        if sum(file.rows for file in self.files) != self.rows:
            raise ValueError("the files' rows do not add up to the manifest's rows")
        return self


def directory(root: str, dataset: str, run_key: str) -> str:
    """Give the address below which a dataset's files of one run lie.

    :raises DataError: the run key is none; it becomes part of a path.
    """
    if not re.fullmatch(RUN_KEY, run_key):
        raise DataError(f"run key {run_key!r} is none: letters, digits and . _ : + - only, at most 100")
    return join(root, dataset, run_key)


def attempt(snapshot: Snapshot) -> str:
    """Name a directory that only this attempt writes to."""
    return f"{snapshot.id}-{secrets.token_hex(4)}"


def write(directory_uri: str, manifest: Manifest) -> str:
    """Publish a manifest and give its address."""
    uri = join(directory_uri, NAME)
    content = json.dumps(manifest.model_dump(mode="json"), indent=1).encode()
    store_for(uri).write_bytes(uri, content)
    return uri


def read(uri: str, stage: str) -> tuple[Manifest, str]:
    """Give a manifest and the sha256 of its bytes.

    :raises DataError: missing, not a manifest, or of another stage.
    """
    content = store_for(uri).read_bytes(uri)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as err:
        raise DataError(f"{uri} is no valid manifest: {_where(err)}; run the stage that made it again") from err
    if manifest.stage != stage:
        raise DataError(f"{uri} is a manifest of stage {manifest.stage}; give one of stage {stage}")
    return manifest, hashlib.sha256(content).hexdigest()


def _where(err: ValidationError) -> str:
    first = err.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "as a whole"
    return f"{place}: {first['msg']}"
