"""The command line of backups: stages that end with a JSON result, and what an operator runs by hand.

The stages are steps of DAGs and hidden: `--help` lists what people use.
"""

import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from baton_workloads import result
from baton_workloads.backup.retention import CLASSES
from baton_workloads.environment import required

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def backup() -> None:
    """Backups that count only after they were restored."""
    # A container's first process ignores SIGTERM unless it says otherwise; unfinished uploads are to be aborted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _moment(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as err:
        raise click.BadParameter(f"{value!r} is no ISO time such as 2026-11-22T01:00:00+00:00") from err
    if moment.tzinfo is None:
        raise click.BadParameter(f"{value!r} has no time zone; write +00:00 behind it")
    return moment


def _known(command: Command) -> Command:
    """Add the options by which an orchestrator says what it knows of a backup."""
    command = click.option("--digest", default="", help="The manifest's digest as `seal` gave it.")(command)
    return click.option("--not-before", callback=_moment, help="Refuse an older backup (ISO time).")(command)


def _retention(command: Command) -> Command:
    for name, kept in reversed(CLASSES.items()):
        text = f"Keep the last proven backup of each of the last so many {kept.periods} that have one."
        command = click.option(f"--{name}", type=click.IntRange(0), default=0, help=text)(command)
    text = "Keep all backups of the last so many days."
    return click.option("--days", type=click.IntRange(0), default=0, help=text)(command)


@backup.command("dump", hidden=True)
@click.option("--run-key", required=True, help="The logical day, for example 2026-11-22.")
def dump_command(run_key: str) -> None:
    """Dump each database of a BATON_…_BACKUP_DSN to BATON_BACKUPS_URI."""
    from baton_workloads.backup.dump import dump

    result.emit(dump(run_key))


@backup.command("check")
def check_command() -> None:
    """Say what the next backup and its drill would lack: rights, tools, extensions. Needs their DSNs."""
    from baton_workloads.backup.check import check

    result.emit(check())


@backup.command("export-cluster", hidden=True)
@click.option("--run-key", required=True, help="The logical day, for example 2026-11-22.")
def export_cluster_command(run_key: str) -> None:
    """Store the objects of this pod's namespace, Secrets among them, encrypted."""
    from baton_workloads.backup.cluster_objects import export_cluster

    result.emit(export_cluster(run_key))


@backup.command("snapshot-volumes", hidden=True)
@click.option("--run-key", required=True, help="The logical day, for example 2026-11-22.")
@click.option("--snapshot-class", default="", help="VolumeSnapshotClass; the cluster's default without it.")
@click.option("--patience", "patience_seconds", type=float, default=1800.0, show_default=True, help="Seconds to wait.")
def snapshot_volumes_command(**options: Any) -> None:
    """Snapshot the volumes of this pod's namespace and wait until the snapshots can be used."""
    from baton_workloads.backup.volumes import snapshot_volumes

    result.emit(snapshot_volumes(**options))


@backup.command("archive-files", hidden=True)
@click.option("--run-key", required=True, help="The logical day, for example 2026-11-22.")
@click.option("--name", required=True, help="The application's name.")
@click.option("--image", required=True, help="The image that wrote the files.")
@click.option("--folder", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--least-percent", default=0, show_default=True, type=click.IntRange(0, 100),
              help="Of the size in the backup before; less is refused. 0: any.")  # fmt: skip
def archive_files_command(**options: Any) -> None:
    """Store what an application's own image wrote into a folder."""
    from baton_workloads.backup.application import archive_files

    result.emit(archive_files(**options))


@backup.command("seal", hidden=True)
@click.option("--run-key", required=True, help="The logical day, for example 2026-11-22.")
@click.option(
    "--part", "parts", required=True, multiple=True, help="What a stage gave as a part; empty ones are left out."
)
def seal_command(run_key: str, parts: tuple[str, ...]) -> None:
    """Put parts together into one backup and authenticate its manifest."""
    from baton_workloads.backup.seal import seal

    result.emit(seal(run_key, [word for part in parts for word in part.split()]))


@backup.command("verify")
@click.argument("name")
@click.option("--replica", is_flag=True, help="The first replica's.")
@_known
def verify_command(name: str, replica: bool, **known: Any) -> None:
    """Read a backup (NAME, or `latest` for the last proven one) back to the last byte."""
    from baton_workloads.backup.recovery import located
    from baton_workloads.backup.verify import verify

    result.emit(verify(*located(name, replica=replica), **known))


@backup.command("drill", hidden=True)
@click.argument("name")
@_known
def drill_command(name: str, **known: Any) -> None:
    """Restore a backup into BATON_SCRATCH_DSN's server, compare, and write the proof."""
    from baton_workloads.backup.drill import drill

    result.emit(drill(name, **known))


@backup.command("prune", hidden=True)
@_retention
@click.option("--proven", default="", help="The backup that has just been proven.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def prune_command(proven: str, dry_run: bool, **retention: int) -> None:
    """Remove what the retention no longer keeps; never the last proven backup."""
    from baton_workloads.backup.prune import prune
    from baton_workloads.backup.retention import Policy

    result.emit(prune(required("BATON_BACKUPS_URI"), Policy(**retention), proven, dry_run=dry_run))


@backup.command("prune-snapshots", hidden=True)
@click.option("--keep", default="", help="Snapshots that backups still name, with spaces between; `all` if unknown.")
def prune_snapshots_command(keep: str) -> None:
    """Delete volume snapshots that no backup names any more."""
    from baton_workloads.backup.volumes import prune_snapshots

    result.emit(prune_snapshots(keep.split()))


@backup.command("replicate", hidden=True)
@_retention
def replicate_command(**retention: int) -> None:
    """Copy what is new to each BATON_REPLICA_URI and hash it there."""
    from baton_workloads.backup.replicate import replicate
    from baton_workloads.backup.retention import Policy

    result.emit(replicate(Policy(**retention)))


@backup.command("list")
@click.option("--replica", is_flag=True, help="The first replica instead.")
@click.option("--unsigned", is_flag=True, help="Without the manifest key: nobody knows who wrote what is shown.")
def list_command(replica: bool, unsigned: bool) -> None:
    """Show all backups, and what is wrong with them (then the exit code is 65)."""
    from baton_workloads.backup.recovery import show_list

    show_list(replica=replica, unsigned=unsigned)


@backup.command("show")
@click.argument("name")
@click.option("--replica", is_flag=True, help="From the first replica.")
@click.option("--unsigned", is_flag=True, help="Without the manifest key.")
def show_command(**options: Any) -> None:
    """Show the parts of a backup and where their objects are."""
    from baton_workloads.backup.recovery import show

    show(**options)


@backup.command("extract")
@click.argument("name")
@click.argument("part")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="A file that does not exist yet.")
@click.option("--replica", is_flag=True, help="From the first replica.")
@click.option("--unsigned", is_flag=True, help="Without the manifest key.")
def extract_command(**options: Any) -> None:
    """Write a part, as `show` names it, decrypted and checked to a file: YAML, a tar archive, or a dump."""
    from baton_workloads.backup.recovery import extract

    extract(**options)


@backup.command("restore")
@click.argument("name")
@click.option("--to", "dsn", required=True, help="postgresql://user@host/database; PGPASSWORD may hold the password.")
@click.option("--database", default="", help="Which of the backup's databases, when it has several.")
@click.option("--replace", is_flag=True, help="The target is not empty: drop what the dump would make there.")
@click.option("--replica", is_flag=True, help="From the first replica.")
@click.option("--unsigned", is_flag=True, help="Without the manifest key: nobody knows who wrote this backup.")
def restore_command(**options: Any) -> None:
    """Restore one database of a backup (NAME, or `latest` for the last proven one) and compare it afterwards."""
    from baton_workloads.backup.recovery import restore

    restore(**options)
