"""A report as a table of text, for the log."""

from collections.abc import Iterable, Sequence

from baton_workloads.progress import say

UNITS = ("B", "kB", "MB", "GB", "TB")


def show(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to the log; numbers stand at the right."""
    cells = [tuple(head), *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        say("  ".join(_fit(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip())


def size(size_bytes: int | None) -> str:
    """Give a size in words, for example ``12.3 MB``; ``?`` where it is not known."""
    if size_bytes is None:
        return "?"
    value, unit = float(size_bytes), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {UNITS[unit]}" if unit else f"{size_bytes} B"


def _fit(cell: str, width: int) -> str:
    return cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
