"""The command line of maintenance."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from baton_workloads import result

MEBIBYTE = 1 << 20


def _add(command: Callable[..., Any], options: list[Callable[..., Any]]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


dry_run_option = click.option("--dry-run/--no-dry-run", help="Say what is due; change nothing.")


def _heavy(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of work on whole tables."""
    return _add(command, [
        click.option("--lock-seconds", default=10.0, show_default=True, type=click.FloatRange(min=0.1),
                     help="Wait so long for a lock."),
        click.option("--statement-seconds", default=3600.0, show_default=True, type=click.FloatRange(min=0),
                     help="A vacuum of one table may take so long; 0: as long as it takes."),
        click.option("--max-seconds", default=0.0, show_default=True, type=click.FloatRange(min=0),
                     help="Begin nothing further after so long; 0: do everything."),
        dry_run_option,
    ])  # fmt: skip


def _deletes(days: int, limit: int, *, in_batches: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options of what deletes."""
    batch = click.option(
        "--batch", default=1000, show_default=True, type=click.IntRange(min=1), help="So many at a time."
    )
    return lambda command: _add(command, [
        click.option("--run", required=True, metavar="NAME", help="The run's name; all of its tries share one limit."),
        click.option("--days", default=days, show_default=True, type=click.IntRange(min=0),
                     help="Kept so many days after it expired."),
        click.option("--limit", default=limit, show_default=True, type=click.IntRange(min=0),
                     help="The run deletes no more than this, over all of its tries."),
        *([batch] if in_batches else []),
        dry_run_option,
    ])  # fmt: skip


@click.group()
def maintenance() -> None:
    """Maintenance: vacuum and reindex by need, delete what has expired, rotate logs, warm caches."""


@maintenance.command("vacuum")
@_heavy
@click.option("--share", default=0.5, show_default=True, type=click.FloatRange(min=0.001, max=1),
              help="A table is due at this share of autovacuum's own threshold.")  # fmt: skip
def vacuum_command(
    lock_seconds: float, statement_seconds: float, max_seconds: float, share: float, dry_run: bool
) -> None:
    """VACUUM and ANALYZE the tables that need it. Needs BATON_SHOP_MAINTAINER_DSN (pg_maintain, pg_monitor)."""
    from baton_workloads.maintenance.vacuum import vacuum
    from baton_workloads.maintenance.work import Limits

    limits = Limits(lock_seconds, statement_seconds, max_seconds)
    result.emit(vacuum(limits, share, dry_run=dry_run))


@maintenance.command("reindex")
@_heavy
@click.option("--least-bloat", default=50.0, show_default=True, type=click.FloatRange(0, 100),
              help="Percent of an index that have to be air.")  # fmt: skip
@click.option("--least-megabytes", default=8.0, show_default=True, type=click.FloatRange(min=0),
              help="Smaller indexes are left alone.")  # fmt: skip
@click.option("--old-seconds", default=30.0, show_default=True, type=click.FloatRange(min=0),
              help="A transaction older than this is in the way.")  # fmt: skip
@click.option("--patience-seconds", default=600.0, show_default=True, type=click.FloatRange(min=0.1),
              help="An index that was begun waits so long for others.")  # fmt: skip
def reindex_command(
    lock_seconds: float, statement_seconds: float, max_seconds: float, dry_run: bool,
    least_bloat: float, least_megabytes: float, old_seconds: float, patience_seconds: float,
) -> None:  # fmt: skip
    """REINDEX CONCURRENTLY what is mostly air.

    Needs BATON_SHOP_MAINTAINER_DSN (pg_maintain, pg_monitor, pg_read_all_data).
    """
    from baton_workloads.maintenance.reindex import Wish, reindex
    from baton_workloads.maintenance.work import Limits

    limits = Limits(lock_seconds, statement_seconds, max_seconds)
    wish = Wish(least_bloat / 100, int(least_megabytes * MEBIBYTE), old_seconds, patience_seconds)
    result.emit(reindex(limits, wish, dry_run=dry_run))


@maintenance.command("delete-sessions")
@_deletes(days=1, limit=100_000)
def delete_sessions_command(run: str, days: int, limit: int, batch: int, dry_run: bool) -> None:
    """Delete sessions that have expired; a key `protected` in their data keeps them. Needs BATON_SHOP_WORKER_DSN."""
    from baton_workloads.maintenance.expired_rows import SESSIONS, Order, delete

    result.emit(delete(SESSIONS, Order(run, days, limit, batch), dry_run=dry_run))


@maintenance.command("delete-job-executions")
@_deletes(days=30, limit=100_000)
def delete_job_executions_command(run: str, days: int, limit: int, batch: int, dry_run: bool) -> None:
    """Delete archived job executions; a key `protected` in their parameters keeps them. Needs BATON_SHOP_WORKER_DSN."""
    from baton_workloads.maintenance.expired_rows import EXECUTIONS, Order, delete

    result.emit(delete(EXECUTIONS, Order(run, days, limit, batch), dry_run=dry_run))


@maintenance.command("delete-report-files")
@_deletes(days=90, limit=10_000)
@click.option("--protect", "patterns", multiple=True, metavar="PATTERN", default=["keep/*", "*/keep/*"],
              show_default=True, help="Names that are kept; may be repeated.")  # fmt: skip
def delete_report_files_command(
    run: str, days: int, limit: int, batch: int, patterns: tuple[str, ...], dry_run: bool
) -> None:
    """Delete old report files; a tag `protected` keeps them. Needs BATON_SHOP_WORKER_DSN and BATON_REPORTS_URI."""
    from baton_workloads.maintenance.expired_objects import delete
    from baton_workloads.maintenance.expired_rows import Order

    result.emit(delete(Order(run, days, limit, batch), tuple(patterns), dry_run=dry_run))


@maintenance.command("rotate-logs")
@_deletes(days=7, limit=10_000, in_batches=False)
@click.option(
    "--folder", default="/logs", show_default=True, type=click.Path(path_type=Path), help="Where the logs are."
)
@click.option("--pattern", "patterns", multiple=True, default=["*.log", "*.log.*"], show_default=True,
              help="Names that are rotated; may be repeated.")  # fmt: skip
@click.option("--protect", "protected", multiple=True, metavar="PATTERN", default=["keep/*", "*/keep/*"],
              show_default=True, help="Names that stay; may be repeated.")  # fmt: skip
def rotate_logs_command(
    run: str, days: int, limit: int, folder: Path, patterns: tuple[str, ...],
    protected: tuple[str, ...], dry_run: bool,
) -> None:  # fmt: skip
    """Move old logs to cold storage, verified. Needs BATON_COLD_STORAGE_URI and BATON_SHOP_WORKER_DSN (the ledger)."""
    from baton_workloads.environment import mounted
    from baton_workloads.maintenance.expired_rows import Order
    from baton_workloads.maintenance.rotate_logs import Choice, rotate

    choice = Choice(mounted(folder), tuple(patterns), tuple(protected))
    result.emit(rotate(Order(run, days, limit), choice, dry_run=dry_run))


@maintenance.command("warm")
@dry_run_option
def warm_command(dry_run: bool) -> None:
    """Ask for addresses so that their caches are warm. Needs BATON_WARM_BASE_URL and BATON_WARM_PLAN."""
    from baton_workloads.maintenance.warm import warm

    result.emit(warm(dry_run=dry_run))
