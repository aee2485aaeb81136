"""What was sold on one day."""

from datetime import timedelta

from baton_workloads.reports.content import sales
from baton_workloads.reports.definition import Definition
from baton_workloads.reports.model import Chart, Note, Report
from baton_workloads.reports.period import Period, day_of
from baton_workloads.reports.queries import Queries
from baton_workloads.reports.sources import Sources

DAYS_IN_CHART = 14


def daily_sales(sources: Sources, period: Period) -> Report:
    """Give the day's sales, compared with the same weekday a week before."""
    queries = sources.warehouse
    totals = queries.row("sales_totals")
    before = queries.row("sales_totals", **period.before().parameters())
    weekday = f"vs last {period.begin:%a}"
    parts = [
        sales.sales_figures(totals, before, weekday),
        *sales.notes(queries, totals, period),
        _two_weeks(queries, period),
        sales.categories(queries.rows("sales_by_category")),
        sales.products(queries.rows("sales_by_product", limit=sales.TOP_PRODUCTS)),
        sales.payments(queries.rows("payments_by_method")),
    ]
    return Report(
        "daily_sales", "Daily sales", period, sales.headline(totals), parts, facts={"orders": totals["orders"]}
    )


def _two_weeks(queries: Queries, period: Period) -> Chart | Note:
    last = period.begin.date()
    days = [last - timedelta(days=back) for back in reversed(range(DAYS_IN_CHART))]
    rows = queries.rows("sales_by_day", begin=day_of(days[0], period.zone).begin)
    labels = [f"{day.day} {day:%b}" for day in days]
    return sales.revenue_chart(f"Revenue of the last {DAYS_IN_CHART} days", sales.by_day(rows, labels, list(days)))


REPORT = Definition("day", daily_sales)
