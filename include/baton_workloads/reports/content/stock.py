"""What the reports on stock have in common."""

from baton_workloads.reports.model import Table
from baton_workloads.reports.queries import Row
from baton_workloads.reports.values import Count, Text


def low_items(title: str, rows: list[Row], longest: int, empty: str) -> Table:
    """Give items below their reorder point."""
    made = tuple(
        (
            Text(row["name"]),
            Text(row["warehouse"]),
            Count(int(row["free"])),
            Count(row["reorder_point"]),
            Count(row["reorder_quantity"]),
        )
        for row in rows[:longest]
    )
    columns = ("Product", "Warehouse", "Free", "Reorder at", "Order")
    return Table(title, columns, made, left_out=max(0, len(rows) - longest), empty=empty)


def items(number: int) -> str:
    """Give "1 item" or "12 items"."""
    return f"{Count(number).text} {'item' if number == 1 else 'items'}"
