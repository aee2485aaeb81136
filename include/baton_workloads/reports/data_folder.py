"""Where the data of reports is that people edit: queries, templates, fonts; beside this package, also in the image."""

from pathlib import Path

import baton_workloads

REPORTS = Path(baton_workloads.__file__).resolve().parents[1] / "reports"
QUERIES = REPORTS / "queries"
TEMPLATES = REPORTS / "templates"
FONTS = REPORTS / "fonts"
