"""Draw a report's charts with Vega-Lite: SVG for pages and paper, PNG for mail, whose readers show no SVG."""

from functools import cache
from typing import Any

from baton_workloads.reports.data_folder import FONTS
from baton_workloads.reports.model import Chart

WIDTH, HEIGHT = 560, 250  # all of it; small, so that its letters stay readable on a phone
ROW_HEIGHT, AXIS_HEIGHT = 30, 60
COLOR = "#2f6fb2"
PNG_SCALE = 2.0  # for dense screens
LABEL_PIXELS = 150
MANY_POINTS = 16
FONT = "DejaVu Sans, sans-serif"


def svg(chart: Chart) -> str:
    """Give the chart as SVG."""
    drawing: str = _drawing().vegalite_to_svg(_specification(chart))
    return drawing


def png(chart: Chart) -> bytes:
    """Give the chart as PNG, on white."""
    drawing: bytes = _drawing().vegalite_to_png(_specification(chart), scale=PNG_SCALE)
    return drawing


@cache
def _drawing() -> Any:
    import vl_convert

    vl_convert.register_font_directory(str(FONTS))
    return vl_convert


def _specification(chart: Chart) -> dict[str, Any]:
    labels = {"field": "label", "type": "nominal", "sort": None, "title": None}
    numbers = {
        "field": "number",
        "type": "quantitative",
        "title": chart.unit,
        "axis": {"format": "~s", "tickCount": 4, "titleFontWeight": "normal"},
    }
    along: dict[str, Any] = {**labels, "axis": _label_axis(chart)}
    positions = {"y": along, "x": numbers} if chart.horizontal else {"x": along, "y": numbers}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "height": ROW_HEIGHT * max(1, len(chart.points)) + AXIS_HEIGHT if chart.horizontal else HEIGHT,
        "autosize": {"type": "fit", "contains": "padding"},
        "background": "white",
        "padding": 8,
        "data": {"values": [{"label": label, "number": float(number)} for label, number in chart.points]},
        "mark": {"type": "bar", "color": COLOR, "cornerRadiusEnd": 2},
        "encoding": positions,
        "config": {"font": FONT, "view": {"stroke": None}, "axis": {"labelFontSize": 13, "titleFontSize": 13}},
    }


def _label_axis(chart: Chart) -> dict[str, Any]:
    axis: dict[str, Any] = {"labelLimit": LABEL_PIXELS, "ticks": False, "domain": not chart.horizontal}
    if not chart.horizontal:
        axis |= {"labelAngle": 0 if len(chart.points) < MANY_POINTS else -45, "labelOverlap": "parity"}
    return axis
