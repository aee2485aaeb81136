"""The week in one Slack message."""

from datetime import timedelta

from baton_workloads.reports.content import sales
from baton_workloads.reports.definition import Definition
from baton_workloads.reports.model import Report
from baton_workloads.reports.period import Period
from baton_workloads.reports.sources import Sources

TOP = 5


def weekly_summary(sources: Sources, period: Period) -> Report:
    """Give the week's sales, compared with the week before, by day and by product."""
    queries = sources.warehouse
    totals = queries.row("sales_totals")
    before = queries.row("sales_totals", **period.before().parameters())
    days = [period.begin.date() + timedelta(days=number) for number in range(7)]
    points = sales.by_day(queries.rows("sales_by_day"), [f"{day:%a}" for day in days], list(days))
    parts = [
        sales.sales_figures(totals, before, "vs the week before"),
        *sales.notes(queries, totals, period),
        sales.revenue_chart("Revenue by day", points),
        sales.products(queries.rows("sales_by_product", limit=TOP)),
    ]
    return Report("weekly_summary", "The week's sales", period, sales.headline(totals), parts)


REPORT = Definition("week", weekly_summary)
