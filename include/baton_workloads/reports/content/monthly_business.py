"""How the business went in one month."""

from decimal import Decimal

from baton_workloads.reports.content import sales
from baton_workloads.reports.definition import Definition
from baton_workloads.reports.model import Chart, Figure, Figures, Note, Report, Table
from baton_workloads.reports.period import Period
from baton_workloads.reports.queries import Queries, Row
from baton_workloads.reports.sources import Sources
from baton_workloads.reports.values import Count, Text, share

MONTHS_IN_CHART = 13  # the same month of the year before is in it
COUNTRIES = 10


def monthly_business(sources: Sources, period: Period) -> Report:
    """Give the month's revenue, margin, customers and returns, by category, country and segment."""
    queries = sources.warehouse
    totals = queries.row("sales_totals")
    before = queries.row("sales_totals", **period.before().parameters())
    by_category = queries.rows("sales_by_category")
    parts = [
        sales.sales_figures(totals, before, f"vs {period.before().begin:%b}"),
        _more_figures(queries, totals, by_category),
        *sales.notes(queries, totals, period),
        _months(queries, period),
        sales.categories(by_category, with_margin=True),
        _by_country(queries.rows("business_by_country")),
        _customers("By segment", "Segment", [(row["segment"], row) for row in queries.rows("business_by_segment")]),
        sales.products(queries.rows("sales_by_product", limit=sales.TOP_PRODUCTS)),
        sales.payments(queries.rows("payments_by_method")),
    ]
    return Report("monthly_business", "The month's business", period, sales.headline(totals), parts)


def _more_figures(queries: Queries, totals: Row, by_category: list[Row]) -> Figures:
    customers = queries.row("business_customers")
    revenue = sum((row["revenue"] for row in by_category), Decimal())
    margin = sum((row["margin"] for row in by_category), Decimal())
    return Figures(
        (
            Figure("Gross margin", sales.money(margin)),
            Figure("Margin of revenue", share(margin, revenue)),
            Figure("First-time customers", Count(customers["first_time"])),
            Figure("Orders returned", share(totals["returned"], totals["orders"])),
        )
    )


def _months(queries: Queries, period: Period) -> Chart | Note:
    months = [period]
    while len(months) < MONTHS_IN_CHART:
        months.insert(0, months[0].before())
    rows = {row["month"]: row["revenue"] for row in queries.rows("business_by_month", begin=months[0].begin)}
    points = [(f"{month.begin:%b %y}", rows.get(month.begin.date(), Decimal())) for month in months]
    return sales.revenue_chart(f"Revenue of the last {MONTHS_IN_CHART} months", points)


def _by_country(rows: list[Row]) -> Table:
    shown = [(row["country"], row) for row in rows[:COUNTRIES]]
    return _customers("By country", "Country", shown, left_out=max(0, len(rows) - COUNTRIES))


def _customers(title: str, head: str, rows: list[tuple[str, Row]], left_out: int = 0) -> Table:
    columns = (head, "Customers", "Orders", "Revenue")
    made = tuple(
        (Text(name), Count(row["customers"]), Count(row["orders"]), sales.money(row["revenue"])) for name, row in rows
    )
    return Table(title, columns, made, left_out=left_out)


REPORT = Definition("month", monthly_business)
