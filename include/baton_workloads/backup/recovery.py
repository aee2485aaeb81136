"""List, show, extract and restore backups: the commands that an operator runs by hand."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from baton_workloads.backup import manifest, record
from baton_workloads.backup.archive import read_archive
from baton_workloads.backup.catalogue import Catalogue, read_catalogue
from baton_workloads.backup.keys import IDENTITY, MANIFEST_KEY, identities, manifest_key
from baton_workloads.backup.manifest import DatabaseDump, Manifest, Volumes
from baton_workloads.backup.record import Record
from baton_workloads.backup.replicate import replicas
from baton_workloads.backup.restore import object_count, restore_dump
from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError, DataError, MissingObjectError
from baton_workloads.etl import database
from baton_workloads.storage import join

OTHER_KEY = f"None of the manifests was written with this {MANIFEST_KEY}: is it the right one?"
OLD = timedelta(hours=26)  # a daily run and a bit
NEEDED = {
    "BATON_BACKUPS_URI": "where the backups are, s3://bucket/prefix or file:///folder",
    "BATON_REPLICA_URI": "where their replicas are",
    IDENTITY: "the private age key, AGE-SECRET-KEY-1…; without it nobody can open a backup",
    MANIFEST_KEY: "the key of the manifests; when it is lost, --unsigned does without",
}


def _store(*, replica: bool, unsigned: bool, opens: bool) -> tuple[str, bytes | None]:
    """Give the store and the manifest key; says everything that is missing at once."""
    where = "BATON_REPLICA_URI" if replica else "BATON_BACKUPS_URI"
    names = [where, *([IDENTITY] if opens else []), *([] if unsigned else [MANIFEST_KEY])]
    missing = [f"  {name}: {NEEDED[name]}" for name in names if not os.environ.get(name, "").strip()]
    if missing:
        raise ConfigurationError("these variables are missing:\n" + "\n".join(missing) + "\nSee docs/backups.md.")
    return (replicas()[0] if replica else required(where)), (None if unsigned else manifest_key())


def show_list(*, replica: bool, unsigned: bool) -> None:
    """Print all backups, the newest last, and what is wrong.

    :raises DataError: something is wrong; it was printed before.
    """
    root, key = _store(replica=replica, unsigned=unsigned, opens=False)
    known = read_catalogue(root, key)
    click.echo(f"{'NAME':<25}  {'TAKEN (UTC)':<16}  {'SIZE':>9}  {'PROVEN':<16}  CONTENTS")
    for name, item in known.manifests.items():
        proof = known.proofs.get(name)
        proven = f"{proof.proven_at:%Y-%m-%d %H:%M}" if proof else "no"
        size = _size(sum(chunk.bytes for chunk in item.chunks))
        click.echo(f"{name:<25}  {item.taken_at:%Y-%m-%d %H:%M}  {size:>9}  {proven:<16}  {_contents(item)}")
    click.echo(_summary(known))
    for fault in known.faults:
        click.echo(f"WRONG: {fault}")
    if known.faults:
        raise DataError(f"{len(known.faults)} things are wrong with {root}, see above")


def located(name: str, *, replica: bool) -> tuple[str, str]:
    """Give the store and the whole name of a backup that is to be read with both keys.

    :raises DataError: there is no such backup, or it is not authentic.
    """
    root, key = _store(replica=replica, unsigned=False, opens=True)
    return root, _chosen(root, name, key).name


def show(*, name: str, replica: bool, unsigned: bool) -> None:
    """Print the parts of a backup.

    :raises DataError: there is no such backup, or it is not authentic.
    """
    root, key = _store(replica=replica, unsigned=unsigned, opens=False)
    item = _chosen(root, name, key)
    click.echo(f"{item.name}, number {item.number}, as of {item.taken_at:%Y-%m-%d %H:%M} UTC")
    for part in item.parts:
        if isinstance(part, Volumes):
            click.echo(f"{part.kind} {part.name}: {part.skipped or f'{len(part.snapshots)} snapshots in the cluster'}")
            for snapshot in part.snapshots:
                click.echo(f"  claim {snapshot.claim}: VolumeSnapshot {snapshot.snapshot} ({snapshot.restore_size})")
            continue
        click.echo(f"{part.kind}/{part.name}: {_size(part.stored_bytes)}, to {', '.join(part.recipients)}")
        for chunk in part.chunks:
            click.echo(f"  {join(root, chunk.path)}")


def extract(*, name: str, part: str, output: Path, replica: bool, unsigned: bool) -> None:
    """Write one part to a file, which appears when every byte was found to be right.

    :raises DataError: there is no such part, the file exists, its folder does not, or the part is damaged.
    """
    root, key = _store(replica=replica, unsigned=unsigned, opens=True)
    item = _chosen(root, name, key)
    found = {f"{archive.kind}/{archive.name}": archive for archive in item.archives}
    if part not in found:
        raise DataError(f"{item.name} has no part {part!r}; it has {', '.join(found)}")
    if output.exists() or not output.parent.is_dir():
        why = "exists already" if output.exists() else "would be in a folder that does not exist"
        raise DataError(f"{output} {why}; name another file")
    partial = output.with_name(f".{output.name}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            size_bytes = read_archive(root, found[part].chunks, identities(), file.write)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    click.echo(f"{output}: {_size(size_bytes)}, readable by you only")


def _contents(item: Manifest) -> str:
    texts = []
    for part in item.parts:
        what = f"{part.kind} {part.name}"
        if isinstance(part, DatabaseDump):
            what += f" ({part.record.rows:,} rows)"
        elif isinstance(part, Volumes):
            what += " (skipped)" if part.skipped else f" ({len(part.snapshots)})"
        texts.append(what)
    return ", ".join(texts)


def _summary(known: Catalogue) -> str:
    last = known.last_proven
    if not known.manifests:
        return "0 backups. Is this the right address?" if not known.unreadable else OTHER_KEY
    if last is None:
        return f"{len(known.manifests)} backups, none of them proven: do not rely on them."
    age = datetime.now(UTC) - last.taken_at
    late = " That is OLD: did the last runs fail?" if age > OLD else ""
    return f"{len(known.manifests)} backups. The last proven one is {last.name}, {_ago(age)} old.{late}"


def _ago(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return (
        f"{hours // 24} days"
        if hours >= 48
        else f"{hours} hours"
        if hours
        else f"{int(age.total_seconds() // 60)} minutes"
    )


def _size(size_bytes: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes / 1024:.0f} KiB" if size_bytes >= 1024 else f"{size_bytes} bytes"


def restore(
    *, name: str, dsn: str, database: str, replace: bool, replica: bool, unsigned: bool
) -> None:  # the words of the command line
    """Restore one database and compare it with what was recorded in its dump.

    :raises ConfigurationError: something is missing; what, and what it is for, is in the message.
    :raises DataError: the target is not empty, or the backup not what it should be.
    """
    began = time.monotonic()
    root, key = _store(replica=replica, unsigned=unsigned, opens=True)
    keys = identities()
    item = _chosen(root, name, key)
    part = _dump_of(item, database)
    _refuse_full_target(dsn, replace=replace)
    click.echo(f"Restoring {part.name} of {item.name}, as it was at {part.snapshot_at:%Y-%m-%d %H:%M} UTC:")
    click.echo(f"{part.record.rows:,} rows, {_size(part.stored_bytes)} to read, {_size(part.raw_bytes)} unpacked.")
    click.echo("Until it ends the target shows nothing of it; stopped half-way, it leaves nothing there.")
    restore_dump(root, part, keys, dsn, replace=replace)
    click.echo(f"Restored after {time.monotonic() - began:.0f} s. Comparing with what was recorded in the dump …")
    _compare(dsn, part, key, replaced=replace)
    click.echo(f"Done after {time.monotonic() - began:.0f} s. Owners and grants were left out, see docs/backups.md.")


def _chosen(root: str, name: str, key: bytes | None) -> Manifest:
    if name != "latest":
        try:
            return manifest.read(root, Manifest, name, key)
        except MissingObjectError as err:
            names = ", ".join(list(read_catalogue(root, key).manifests)[-3:]) or "none at all"
            raise DataError(f"there is no backup {name!r}; the last ones are: {names}") from err
    known = read_catalogue(root, key)
    for fault in known.faults:
        click.echo(f"WRONG: {fault}")
    if known.unreadable and not known.manifests:
        raise ConfigurationError(OTHER_KEY)
    if known.last_proven is None:
        raise DataError("no backup was ever proven; name one yourself, see `./baton backups list`")
    return known.last_proven


def _dump_of(item: Manifest, database: str) -> DatabaseDump:
    names = [part.name for part in item.databases]
    wanted = database or (names[0] if len(names) == 1 else "")
    for part in item.databases:
        if part.name == wanted:
            return part
    raise DataError(f"{item.name} holds the databases {', '.join(names)}: choose one with --database")


def _refuse_full_target(dsn: str, *, replace: bool) -> None:
    with database.connect(dsn, "target") as connection, database.named_errors("target"):
        count = object_count(connection)
    if count and not replace:
        raise DataError(
            f"the target holds {count} tables, indexes, views or sequences already; nothing was changed. Name an empty"
            " database, or say --replace to drop what the dump would make"
        )


def _compare(dsn: str, part: DatabaseDump, key: bytes | None, *, replaced: bool) -> None:
    with database.connect(dsn, "target") as connection, database.named_errors("target"):
        connection.execute("ANALYZE")
        connection.commit()
        restored = record.take(connection, key or b"", f"compare {part.name}")
    recorded = part.record
    if replaced:
        restored = record.only_what_is_in(recorded, restored)
    if key is None:  # checksums are keyed; what is left to compare are names and numbers of rows
        recorded, restored = _without_checksums(recorded), _without_checksums(restored)
    found = record.differences(recorded, restored)
    if found:
        raise DataError("the restored database is not what was dumped: " + "; ".join(found[:5]))
    what = "rows" if key is None else "rows and checksums"
    click.echo(f"All {len(recorded.tables)} tables have the {what} that were recorded in the dump.")


def _without_checksums(found: Record) -> Record:
    return found.model_copy(
        update={"tables": {name: table.model_copy(update={"checksum": ""}) for name, table in found.tables.items()}}
    )
