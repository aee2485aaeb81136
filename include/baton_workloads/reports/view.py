"""The report as plain data: text only. Templates and other programs get this and nothing else."""

from typing import Any

from baton_workloads.reports.model import Chart, Figure, Figures, Note, Part, Report, Table
from baton_workloads.reports.values import Percent, Value, clean

View = dict[str, Any]


def view(report: Report) -> View:
    """Give a report as JSON-ready data; no number is left in it that a template could print in its own way."""
    numbers = iter(range(len(report.charts)))
    return {
        "name": report.name,
        "title": clean(report.title),
        "period": report.period.label,
        "zone": report.period.zone,
        "headline": report.headline,
        "parts": [_part(part, numbers) for part in report.parts],
    }


def _part(part: Part, numbers: Any) -> View:
    if isinstance(part, Figures):
        return {"kind": "figures", "figures": [_figure(figure) for figure in part.figures]}
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, Chart):
        return {"kind": "chart", "title": part.title, "says": part.says, "number": str(next(numbers))}
    return _note(part)


def _figure(figure: Figure) -> View:
    return {
        "label": figure.label,
        "value": figure.value.short,
        "change": figure.change.text if isinstance(figure.change, Percent) else "",
        "direction": _direction(figure.change),
        "against": figure.against if isinstance(figure.change, Percent) else "",
    }


def _direction(change: object) -> str:
    if not isinstance(change, Percent) or change.ratio == 0:
        return "same"
    return "up" if change.ratio > 0 else "down"


def _table(table: Table) -> View:
    return {
        "kind": "table",
        "title": table.title,
        "columns": [{"title": title, "align": align} for title, align in zip(table.columns, table.aligns, strict=True)],
        "rows": [_texts(row) for row in table.rows],
        "total": _texts(table.total) if table.total else [],
        "left_out": f"and {table.left_out:,} more" if table.left_out else "",
        "empty": table.empty,
    }


def _texts(row: tuple[Value, ...]) -> list[str]:
    return [value.text for value in row]


def _note(note: Note) -> View:
    return {"kind": "note", "text": note.text, "tone": note.tone}
