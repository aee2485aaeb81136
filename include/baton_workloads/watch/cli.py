"""``watch``: notify people of what fails, what works again, and of an Airflow that does not."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import click

from baton_workloads.errors import ConfigurationError, TransientError
from baton_workloads.watch.airflow import RefusedUserError
from baton_workloads.watch.channels import Print
from baton_workloads.watch.poll import Thresholds, Watch
from baton_workloads.watch.settings import read_settings

log = logging.getLogger(__name__)


@click.command(epilog="Environment: see docs/failure-notices.md.")
@click.option("--memory", required=True, envvar="BATON_WATCH_MEMORY", help="file:///… or s3://…, one small JSON file.")
@click.option("--every", type=click.FloatRange(min=1), help="Look again after so many seconds; default: look once.")
@click.option(
    "--patience", type=click.FloatRange(min=0), default=120, show_default=True, help="Seconds that trouble has to last."
)
@click.option(
    "--late",
    type=click.FloatRange(min=1),
    default=600,
    show_default=True,
    help="Seconds after which a run that is due is late.",
)
@click.option("--print", "prints", is_flag=True, help="Also print each notice; then nobody else has to be named.")
def watch(memory: str, every: float | None, patience: float, late: float, prints: bool) -> None:
    """Look at Airflow from outside and notify people, once of each thing.

    Failed runs with the end of the log and what to do; runs that work again; three failures in a row to those who are
    notified of what goes on; an Airflow that does not answer, a part that does not beat, a DAG file that cannot be
    read, and runs that are due and not started.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = read_settings(*([Print(click.echo)] if prints else []))
    limits = Thresholds(timedelta(seconds=patience), timedelta(seconds=late))
    watcher = Watch(settings.api, memory, settings.usual, settings.escalation, limits, settings.wrong)
    with settings.api or nullcontext():
        if every is None:
            _once(watcher, settings.wrong)
        while every is not None:
            _again(watcher)
            time.sleep(every)


def _once(watcher: Watch, wrong: Mapping[str, str]) -> None:
    left = watcher.poll(datetime.now(UTC))
    if wrong:
        raise ConfigurationError("; ".join(wrong.values()))
    if left:
        raise TransientError(
            f"{left} notices wait for a recipient that did not take them; they are kept for the next look"
        )


def _again(watcher: Watch) -> None:
    """One of many looks: an Airflow that refuses the user, or a store that is away, may be better at the next one."""
    try:
        watcher.poll(datetime.now(UTC))
    except (RefusedUserError, TransientError) as err:
        log.error("%s", err)
