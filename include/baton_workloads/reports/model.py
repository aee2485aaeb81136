"""What a report is, before it has a form: figures, tables, charts and notes in an order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Union

from baton_workloads.errors import DataError
from baton_workloads.reports.period import Period
from baton_workloads.reports.values import Absent, Percent, Text, Value

Tone = Literal["info", "warning"]
Part = Union["Figures", "Table", "Chart", "Note"]


@dataclass(frozen=True)
class Figure:
    """One number that matters.

    :param change: against the period before; shown with ``against``.
    """

    label: str
    value: Value
    change: Percent | Absent | None = None
    against: str = ""


@dataclass(frozen=True)
class Figures:
    """The few numbers that a hurried reader takes away."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Table:
    """Rows of values; the first column names the row.

    :param rows: each as long as ``columns``.
    :param total: a last row, if any.
    :param left_out: rows that exist but are not shown.
    :param empty: what to say where there are no rows.
    :raises DataError: a row has another length.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    total: tuple[Value, ...] | None = None
    left_out: int = 0
    empty: str = "Nothing in this period."

    def __post_init__(self) -> None:
        wrong = [row for row in (*self.rows, *([self.total] if self.total else [])) if len(row) != len(self.columns)]
        if wrong:
            raise DataError(f"table {self.title!r}: a row has {len(wrong[0])} values for {len(self.columns)} columns")

    @property
    def aligns(self) -> list[str]:
        """Alignment by column: numbers stand below each other."""
        rows = self.rows or ((Text(""),) * len(self.columns),)
        return [
            next((row[index].align for row in rows if not isinstance(row[index], Absent)), "end")
            for index in range(len(self.columns))
        ]


@dataclass(frozen=True)
class Chart:
    """A series of bars, or of lines where time is continuous.

    :param points: label → number, in their order.
    :param unit: of the numbers, for the axis.
    :param says: in words what the chart shows, for whoever does not see it.
    """

    title: str
    points: tuple[tuple[str, Decimal], ...]
    unit: str
    says: str
    horizontal: bool = False


@dataclass(frozen=True)
class Note:
    """A sentence that the reader must know to read the numbers right."""

    text: str
    tone: Tone = "info"


@dataclass(frozen=True)
class Report:
    """One report for one period.

    :param name: also the folder of its files: ``daily_sales``.
    :param headline: the one sentence that a phone shows before the mail is opened.
    :param is_empty: there is nothing to tell; whoever delivers may leave it.
    :param facts: small plain values for the DAG (counts, decisions); no values of the data.
    """

    name: str
    title: str
    period: Period
    headline: str
    parts: Sequence[Part]
    is_empty: bool = False
    facts: dict[str, int | str | bool] = field(default_factory=dict)

    @property
    def charts(self) -> list[Chart]:
        """The charts in their order; their number names their files."""
        return [part for part in self.parts if isinstance(part, Chart)]
