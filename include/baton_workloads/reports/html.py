"""HTML: one template for a mail's body and for a page that stands alone."""

import base64
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from baton_workloads.reports.data_folder import TEMPLATES
from baton_workloads.reports.view import View

if TYPE_CHECKING:
    from jinja2 import Environment


def mail(shown: View) -> str:
    """Give a mail's body; its charts are attachments named ``cid:chart-N``."""
    return _rendered(shown, lambda number: f"cid:chart-{number}")


def page(shown: View, svgs: list[str]) -> str:
    """Give a page that needs nothing else."""
    return _rendered(shown, lambda number: _data_uri(svgs[int(number)]))


def _data_uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _rendered(shown: View, chart_source: Callable[[str], str]) -> str:
    return _environment().get_template("report.html.j2").render(report=shown, chart_source=chart_source)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
