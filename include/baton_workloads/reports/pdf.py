"""PDF by typst. The data is handed over as JSON, never as typst's markup: nothing in it can be read as a command."""

import json
import tempfile
from pathlib import Path

from baton_workloads.errors import DataError
from baton_workloads.reports.data_folder import FONTS, TEMPLATES
from baton_workloads.reports.view import View


def pdf(shown: View, svgs: list[str], made_at: int) -> bytes:
    """Give the report as PDF.

    :param made_at: stands in the file as its date, seconds since 1970; the same input gives the same bytes.
    :raises DataError: typst refuses the template.
    """
    import typst

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "report.typ"
        source.write_bytes((TEMPLATES / "report.typ").read_bytes())
        for number, svg in enumerate(svgs):
            (source.parent / f"chart-{number}.svg").write_text(svg, encoding="utf-8")
        inputs = {"report": json.dumps(shown, ensure_ascii=False)}
        try:
            made: bytes = typst.compile(source, font_paths=[FONTS], sys_inputs=inputs, timestamp=made_at)
        except RuntimeError as err:
            raise DataError(f"report {shown['name']}: typst refuses report.typ; see the error above this one") from err
        return made
