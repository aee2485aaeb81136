"""What is in stock, what runs out and what lies there."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from baton_workloads.reports.content import sales, stock
from baton_workloads.reports.definition import Definition
from baton_workloads.reports.model import Chart, Figure, Figures, Note, Part, Report, Table
from baton_workloads.reports.period import Period
from baton_workloads.reports.queries import Queries, Row
from baton_workloads.reports.sources import Sources
from baton_workloads.reports.values import Count, Moment, Quantity, Text

MAX_LOW, MAX_COVER, MAX_IDLE = 25, 10, 10


def weekly_inventory(sources: Sources, period: Period) -> Report:
    """Give stock by warehouse, items below their reorder point, days of cover, and stock that does not move."""
    queries = sources.shop
    warehouses = queries.rows("stock_by_warehouse")
    low = queries.rows("stock_low")
    parts: list[Part] = [
        _figures(warehouses),
        _as_of(queries, period),
        _chart(warehouses),
        _warehouses(warehouses),
        stock.low_items("Below the reorder point", low, MAX_LOW, "Nothing is below its reorder point."),
        _cover(queries.rows("stock_cover", limit=MAX_COVER)),
        _idle(queries.rows("stock_idle", limit=MAX_IDLE)),
    ]
    value = sales.money(_sum(warehouses, "value")).text
    headline = f"Stock worth {value}; {stock.items(len(low))} below the reorder point."
    return Report("weekly_inventory", "Inventory", period, headline, parts, facts={"low": len(low)})


def _sum(rows: list[Row], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), Decimal())


def _figures(rows: list[Row]) -> Figures:
    return Figures(
        (
            Figure("Value at cost", sales.money(_sum(rows, "value"))),
            Figure("Units on hand", Count(int(_sum(rows, "on_hand")))),
            Figure("Below reorder point", Count(int(_sum(rows, "low")))),
            Figure("Nothing free", Count(int(_sum(rows, "out_of_stock")))),
        )
    )


def _as_of(queries: Queries, period: Period) -> Note:
    moment = queries.row("database_time")["moment"].astimezone(ZoneInfo(period.zone))
    return Note(f"Stock as of {Moment(moment).text}; sales are those of the week.")


def _chart(rows: list[Row]) -> Chart | Note:
    if not _sum(rows, "value"):
        return Note("There is no stock.")
    points = tuple((Text(row["warehouse"]).text, row["value"]) for row in rows)
    says = "; ".join(f"{label}: {sales.money(value).text}" for label, value in points)
    return Chart("Value by warehouse", points, sales.CURRENCY, says, horizontal=True)


def _warehouses(rows: list[Row]) -> Table:
    columns = ("Warehouse", "Items", "On hand", "Value at cost", "Low")
    made = tuple(
        (
            Text(row["warehouse"]),
            Count(row["items"]),
            Count(row["on_hand"]),
            sales.money(row["value"]),
            Count(row["low"]),
        )
        for row in rows
    )
    return Table("By warehouse", columns, made)


def _cover(rows: list[Row]) -> Table:
    made = tuple(
        (Text(row["name"]), Count(int(row["units"])), Count(int(row["free"])), Quantity(row["days"], "days"))
        for row in rows
    )
    empty = "Nothing was sold in this week, so there is no rate to tell by."
    return Table("Runs out first, at this week's rate", ("Product", "Sold", "Free", "Lasts"), made, empty=empty)


def _idle(rows: list[Row]) -> Table:
    made = tuple((Text(row["name"]), Count(int(row["on_hand"])), sales.money(row["value"])) for row in rows)
    title = "Not sold for 90 days, by the money tied up"
    return Table(title, ("Product", "On hand", "Value at cost"), made, empty="Everything moved within 90 days.")


REPORT = Definition("week", weekly_inventory)
