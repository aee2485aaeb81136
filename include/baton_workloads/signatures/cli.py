"""The command line of the signature workers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from baton_workloads import result

DEFAULT_ZONE = "UTC"


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that both workers have."""
    options = [
        click.option("--dry-run", is_flag=True, help="Name what is due; send and change nothing."),
        click.option("--again", is_flag=True, help="Go on also when this window is already done."),
        click.option("--as-of", metavar="DATE|TIME", help="Pretend it is this ISO day or time."),
        click.option(
            "--time-zone", "zone", envvar="BATON_TIME_ZONE", default=DEFAULT_ZONE, show_default=True,
            help="IANA zone that decides what day it is; also in BATON_TIME_ZONE.",
        ),
    ]  # fmt: skip
    for option in options:
        command = option(command)
    return command


@click.group()
def signatures() -> None:
    """Signature workflows: remind signers, close what has expired.

    Needs BATON_SHOP_WORKER_DSN, BATON_SMTP_URL and BATON_MAIL_FROM. Both workers may be started twice, killed at any
    moment and run beside each other. The result's outcome is done, already_done (in this window), busy (another one is
    processing) or dry_run; all of them are a success.
    """


@signatures.command("remind")
@_common
def remind_command(zone: str, as_of: str | None, again: bool, dry_run: bool) -> None:
    """Mail the reminders that are due; at most one for each workflow and reminder date."""
    from baton_workloads.signatures.remind import preview, remind

    result.emit(preview(zone, as_of) if dry_run else remind(zone, as_of, again=again))


@signatures.command("expire")
@_common
def expire_command(zone: str, as_of: str | None, again: bool, dry_run: bool) -> None:
    """Close workflows past their due date and tell their requesters."""
    from baton_workloads.signatures.expire import expire, preview

    result.emit(preview(zone, as_of) if dry_run else expire(zone, as_of, again=again))


@signatures.command("resolve")
@click.argument("workflow_id", type=int)
@click.argument("reminder_on", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--sent/--not-sent", required=True, help="What the mail server's log says; not sent: it is due again.")
def resolve_command(workflow_id: int, reminder_on: datetime, sent: bool) -> None:
    """Decide about an unconfirmed reminder."""
    from baton_workloads.signatures.resolve import resolve

    result.emit(resolve(workflow_id, reminder_on.date(), sent=sent))
