"""A range of metrics as an SVG that follows the page's colours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from baton.incidents.diagnostics.collector import Figure

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 180, 52, 22
MAX_LINES = 6
Points = Sequence[tuple[float, float]]


def draw(figure: Figure) -> str:
    """The chart: the series with the highest values, the moment of the alert, extremes as words."""
    lines = sorted(figure.series.items(), key=lambda item: max((v for _, v in item[1]), default=0), reverse=True)
    lines = [item for item in lines if item[1]][:MAX_LINES]
    if not lines:
        return ""
    scale = _Scale([points for _, points in lines])
    parts = [scale.frame(), *(scale.line(points, n, label) for n, (label, points) in enumerate(lines))]
    parts.append(scale.mark(figure.begin))
    keys = "".join(f'<li class="s{n}">{escape(label)}</li>' for n, (label, _) in enumerate(lines))
    left_out = len(figure.series) - len(lines)
    more = f"<li>and {left_out} more in the file</li>" if left_out > 0 else ""
    title = escape(f"{figure.title}, {figure.unit}" if figure.unit else figure.title)
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{"".join(parts)}</svg>'
    return f"<figure><figcaption>{title}</figcaption>{svg}<ul class=keys>{keys}{more}</ul></figure>"


class _Scale:
    """Where moments and values are on the picture."""

    def __init__(self, lines: Sequence[Points]) -> None:
        moments = [moment for points in lines for moment, _ in points]
        values = [value for points in lines for _, value in points]
        self.begin, self.end = min(moments), max(moments)
        self.low, self.high = min(0.0, *values), max(values)
        if self.high == self.low:
            self.high = self.low + 1

    def x(self, moment: float) -> float:
        share = (moment - self.begin) / ((self.end - self.begin) or 1)
        return round(LEFT + share * (WIDTH - LEFT - 8), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(8 + (1 - share) * (HEIGHT - BOTTOM - 8), 1)

    def path(self, points: Points) -> str:
        return " ".join(f"{self.x(moment)},{self.y(value)}" for moment, value in points)

    def line(self, points: Points, number: int, label: str) -> str:
        """One series; a series of one value is a dot."""
        dots = points if len(points) == 1 else ()
        circles = "".join(f'<circle class="dot s{number}" cx={self.x(m)} cy={self.y(v)} r=3 />' for m, v in dots)
        words = f"<title>{escape(label)}</title>"
        return f'<polyline class="line s{number}" points="{self.path(points)}">{words}</polyline>{circles}'

    def frame(self) -> str:
        right, base = WIDTH - 8, HEIGHT - BOTTOM
        return (
            f"<line class=axis x1={LEFT} y1={base} x2={right} y2={base} />"
            f"<line class=grid x1={LEFT} y1=8 x2={right} y2=8 />"
            f"<text x={LEFT - 6} y=14 text-anchor=end>{_short(self.high)}</text>"
            f"<text x={LEFT - 6} y={base} text-anchor=end>{_short(self.low)}</text>"
            f"<text x={LEFT} y={HEIGHT - 6}>{_clock(self.begin)}</text>"
            f"<text x={right} y={HEIGHT - 6} text-anchor=end>{_clock(self.end)} UTC</text>"
        )

    def mark(self, moment: float) -> str:
        if not self.begin <= moment <= self.end:
            return ""
        x = self.x(moment)
        anchor = "end" if x > WIDTH / 2 else "start"
        return (
            f"<line class=mark x1={x} y1=8 x2={x} y2={HEIGHT - BOTTOM} />"
            f"<text class=mark x={x + (-4 if anchor == 'end' else 4)} y=20 text-anchor={anchor}>"
            f"alert {_clock(moment)}</text>"
        )


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M")


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
