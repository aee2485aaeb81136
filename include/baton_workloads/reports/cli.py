"""The command line of reports."""

import click

from baton_workloads import result


@click.group()
def reports() -> None:
    """Reports: render them."""


@reports.command("render")
@click.argument("name")
@click.option(
    "--run-key", required=True, help="The run's day, for example 2026-11-22; the report covers what was before."
)
@click.option("--zone", default="UTC", show_default=True, help="Time zone in which days begin and end.")
@click.option("--part", help="Tells two reports of one period apart.")
def render_command(name: str, run_key: str, zone: str, part: str | None) -> None:
    """Write a report's files to BATON_REPORTS_URI: page, PDF, mail, Slack blocks, charts."""
    from baton_workloads.environment import required
    from baton_workloads.etl.database import connect
    from baton_workloads.reports.catalogue import DSN, entry
    from baton_workloads.reports.content.sales import CURRENCY
    from baton_workloads.reports.period import period_for
    from baton_workloads.reports.publish import publish
    from baton_workloads.reports.queries import Queries

    found = entry(name)
    period = period_for(found.covers, run_key, zone)
    with connect(required(DSN[found.reads]), found.reads) as connection:
        report = found.write(Queries(connection, {**period.parameters(), "currency": CURRENCY}), period)
    result.emit(publish(report, required("BATON_REPORTS_URI"), part or None))
