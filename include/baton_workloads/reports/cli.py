"""The command line of reports."""

import click

from baton_workloads import result
from baton_workloads.errors import ConfigurationError


@click.group()
def reports() -> None:
    """Reports: render them."""


@reports.command("render")
@click.argument("name")
@click.option("--run-key", required=True, help="The run's day (2026-11-22) or moment (2026-11-22T0800Z).")
@click.option("--zone", default="UTC", show_default=True, help="Time zone in which days begin and end.")
@click.option("--part", help="Tells two reports of one period apart.")
@click.option("--hours", default=24, show_default=True, help="How far a report on a moment looks back.")
@click.option("--input", "inputs", multiple=True, metavar="NAME=VALUE", help="What the DAG hands to the report.")
def render_command(name: str, run_key: str, zone: str, hours: int, part: str | None, inputs: tuple[str, ...]) -> None:
    """Write a report's files to BATON_REPORTS_URI: page, PDF, mail, Slack blocks, charts."""
    from baton_workloads.environment import required
    from baton_workloads.reports.content.sales import CURRENCY
    from baton_workloads.reports.discovery import definition
    from baton_workloads.reports.period import period_for
    from baton_workloads.reports.publish import publish
    from baton_workloads.reports.sources import Sources

    found = definition(name)
    period = period_for(found.covers, run_key, zone, hours)
    with Sources({**period.parameters(), "currency": CURRENCY}, dict(map(_pair, inputs))) as sources:
        report = found.write(sources, period)
    result.emit(publish(report, required("BATON_REPORTS_URI"), part or None))


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise ConfigurationError(f"--input {text!r} is not NAME=VALUE")
    return name, value


@reports.command("market-closes")
@click.argument("exchange")
@click.option("--first-year", required=True, type=int)
@click.option("--last-year", required=True, type=int)
def market_closes_command(exchange: str, first_year: int, last_year: int) -> None:
    """Print when an exchange closes; its output is a file in plugins/baton/reports/market_closes."""
    from baton_workloads.reports.market_closes import market_closes

    for line in market_closes(exchange, first_year, last_year):
        click.echo(line)
