"""What the reports on sales have in common."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from baton_workloads.reports.model import Chart, Figure, Figures, Note, Part, Table
from baton_workloads.reports.period import Period
from baton_workloads.reports.queries import Queries, Row
from baton_workloads.reports.values import Absent, Count, Moment, Money, Percent, Text, Value, change, share

CURRENCY = "EUR"
"""The one that amounts are given in; orders in others are named, never converted or added."""
TOP_PRODUCTS = 10


def money(amount: Decimal | int) -> Money:
    """Give an amount in the reports' currency."""
    return Money(Decimal(amount), CURRENCY)


def sales_figures(now: Row, before: Row, against: str) -> Figures:
    """Give revenue, orders, average order and customers, each with its change."""
    return Figures(
        (
            Figure("Revenue", money(now["revenue"]), change(now["revenue"], before["revenue"]), against),
            Figure("Orders", Count(now["orders"]), change(now["orders"], before["orders"]), against),
            Figure("Average order", average(now), _change_of_average(now, before), against),
            Figure("Customers", Count(now["customers"]), change(now["customers"], before["customers"]), against),
        )
    )


def average(totals: Row) -> Value:
    """Give the average order; of nothing there is none."""
    return money(totals["revenue"] / totals["orders"]) if totals["orders"] else Absent()


def _change_of_average(now: Row, before: Row) -> Percent | Absent:
    if not now["orders"] or not before["orders"]:
        return Absent()
    return change(now["revenue"] / now["orders"], before["revenue"] / before["orders"])


def headline(totals: Row) -> str:
    """Say in one sentence how it went."""
    if not totals["orders"]:
        return "Nothing was sold."
    orders = "1 order" if totals["orders"] == 1 else f"{Count(totals['orders']).text} orders"
    return f"{money(totals['revenue']).text} from {orders}."


def categories(rows: list[Row], *, with_margin: bool = False) -> Table:
    """Give sales by category."""
    whole = sum((row["revenue"] for row in rows), Decimal())
    columns = ("Category", "Units", "Revenue", "Share", *(["Gross margin"] if with_margin else []))
    made = [
        (Text(row["category"]), Count(int(row["units"])), money(row["revenue"]), share(row["revenue"], whole))
        + ((share(row["margin"], row["revenue"]),) if with_margin else ())
        for row in rows
    ]
    return Table("By category", columns, tuple(made))


def products(rows: list[Row]) -> Table:
    """Give the products that brought most."""
    made = tuple((Text(row["name"]), Count(int(row["units"])), money(row["revenue"])) for row in rows)
    left_out = rows[0]["products"] - len(rows) if rows else 0
    return Table("Products that brought most", ("Product", "Units", "Revenue"), made, left_out=left_out)


def payments(rows: list[Row]) -> Table:
    """Give captured payments by method."""
    made = tuple(
        (Text(row["method"].replace("_", " ")), Count(row["payments"]), money(row["amount"]), money(row["fees"]))
        for row in rows
    )
    return Table("Payments received", ("Method", "Payments", "Amount", "Fees"), made)


def notes(queries: Queries, totals: Row, period: Period) -> list[Part]:
    """Say what the numbers leave out, and whether they can be right at all."""
    made: list[Part] = _staleness(queries, period)
    if not totals["orders"]:
        made.append(Note(f"No orders in this period. {_latest(queries, period)}", "warning"))
    if totals["cancelled"]:
        amount = money(totals["cancelled_amount"]).text
        made.append(Note(f"Not in these numbers: {Count(totals['cancelled']).text} cancelled orders over {amount}."))
    for row in queries.rows("sales_other_currencies"):
        amount = Money(row["revenue"], row["currency"]).text
        made.append(Note(f"Not in these numbers: {Count(row['orders']).text} orders in another currency, {amount}."))
    return made


def _staleness(queries: Queries, period: Period) -> list[Part]:
    """Warn where the orders were loaded before the period was over; without a ledger nothing is known."""
    if not queries.row("load_ledger_exists")["is_there"]:
        return []
    loaded = queries.row("orders_loaded_at")["loaded_at"]
    if loaded is None or loaded >= period.end:
        return []
    moment = Moment(loaded.astimezone(ZoneInfo(period.zone))).text
    return [
        Note(f"The warehouse was last loaded on {moment}, before this period was over: its end is missing.", "warning")
    ]


def _latest(queries: Queries, period: Period) -> str:
    latest = queries.row("latest_order")["latest"]
    if latest is None:
        return "There are no orders at all."
    moment = Moment(latest.astimezone(ZoneInfo(period.zone))).text
    return f"The latest order that the warehouse knows is of {moment}."


def revenue_chart(title: str, points: list[tuple[str, Decimal]]) -> Chart | Note:
    """Give revenue over time; where there is none, words say so instead of an empty picture."""
    best = max(points, key=lambda point: point[1], default=("", Decimal()))
    if not best[1]:
        return Note(f"{title}: none.")
    says = f"{title}: highest {money(best[1]).text} ({best[0]})."
    return Chart(title, tuple(points), CURRENCY, says)


def by_day(rows: list[Row], days: list[str], keys: list[object]) -> list[tuple[str, Decimal]]:
    """Give a point for each day, those without an order too."""
    found = {row["day"]: row["revenue"] for row in rows}
    return [(label, found.get(key, Decimal())) for label, key in zip(days, keys, strict=True)]
