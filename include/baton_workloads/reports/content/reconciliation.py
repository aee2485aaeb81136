"""The ledger against payments and orders: every difference by its name."""

from collections import defaultdict
from decimal import Decimal

from baton_workloads.reports.content import sales
from baton_workloads.reports.definition import Definition
from baton_workloads.reports.model import Figure, Figures, Note, Part, Report, Table
from baton_workloads.reports.period import Period
from baton_workloads.reports.queries import Row
from baton_workloads.reports.sources import Sources
from baton_workloads.reports.values import Absent, Count, Day, Money, Text, Value

COLLECT_FROM = Decimal(1)  # EUR; smaller orders (free samples) are not collected
MOST = 200


def reconciliation(sources: Sources, period: Period) -> Report:
    """Give all differences of the days that are looked back at, and whether somebody has to approve them.

    Input ``threshold``: the sum of differences above which approval is needed, in whole units of the currency.
    """
    threshold = Decimal(sources.number("threshold"))
    totals = sources.shop.row("reconciliation_totals")
    rows = sources.shop.rows("reconciliation", collect_from=COLLECT_FROM)
    differing = sum((abs(row["amount"]) for row in rows if row["currency"] == sales.CURRENCY), Decimal())
    foreign = any(row["currency"] != sales.CURRENCY for row in rows)
    needs_approval = differing > threshold or foreign  # what cannot be summed up is looked at by a person
    parts: list[Part] = [
        Figures(
            (
                Figure("Payments compared", Count(totals["payments"])),
                Figure("Received", sales.money(totals["paid"])),
                Figure("Booked", sales.money(totals["booked"])),
                Figure("Differences", sales.money(differing)),
            )
        ),
        _verdict(needs_approval, differing, threshold),
        _by_kind(rows),
        _each(rows),
    ]
    if foreign:
        parts.insert(2, Note("Some differences are in another currency; they are not in the sum.", "warning"))
    headline = (
        f"{Count(len(rows)).text} differences, together {sales.money(differing).text}." if rows else "All agrees."
    )
    facts: dict[str, int | str | bool] = {"differences": len(rows), "needs_approval": needs_approval}
    return Report("reconciliation", "Ledger and payments", period, headline, parts, facts=facts)


def _verdict(needs_approval: bool, differing: Decimal, threshold: Decimal) -> Note:
    limit = sales.money(threshold).text
    if needs_approval:
        return Note(f"Above the limit of {limit}: somebody has to approve this day in Airflow.", "warning")
    return Note(f"Within the limit of {limit}; no approval is needed." if differing else "Nothing differs.")


def _by_kind(rows: list[Row]) -> Table:
    groups: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for row in rows:
        groups[row["kind"], row["currency"]].append(abs(row["amount"]))
    made = tuple(
        (Text(kind), Count(len(amounts)), Money(sum(amounts, Decimal()), currency))
        for (kind, currency), amounts in sorted(groups.items())
    )
    return Table("By kind", ("Difference", "Times", "Amount"), made, empty="No differences.")


def _each(rows: list[Row]) -> Table:
    made = tuple(
        (
            Text(row["kind"]),
            Day(row["moment"].date()),
            _number(row["order_id"]),
            _number(row["payment_id"]),
            _number(row["transaction_id"]),
            Money(row["amount"], row["currency"]),
        )
        for row in rows[:MOST]
    )
    columns = ("Difference", "Day", "Order", "Payment", "Transaction", "Amount")
    return Table("Each difference", columns, made, left_out=max(0, len(rows) - MOST), empty="No differences.")


def _number(identifier: int | None) -> Value:
    """An identifier is no quantity: no thousands separators."""
    return Absent() if identifier is None else Text(str(identifier))


REPORT = Definition("moment", reconciliation)
