"""What a new report says is one new file, from which command and forms follow."""

import json
from pathlib import Path
from typing import Any

from tests.workloads.chain import INCLUDE
from tests.workloads.extended import extended, python

LENGTH_OF_DAY = '''
"""How many hours the day had."""

from baton_workloads.reports.definition import Definition
from baton_workloads.reports.model import Figure, Figures, Report
from baton_workloads.reports.period import Period
from baton_workloads.reports.sources import Sources
from baton_workloads.reports.values import Count


def hours(sources: Sources, period: Period) -> Report:
    """Give the hours of the day."""
    hours = int(period.end.timestamp() - period.begin.timestamp()) // 3600
    parts = [Figures((Figure("Hours", Count(hours)),))]
    return Report("length_of_day", "Length of the day", period, f"{hours} hours", parts)


REPORT = Definition("day", hours)
'''


def test_one_new_file_is_a_report_in_all_its_forms(tmp_path: Path) -> None:
    """It is rendered by its name; a day on which clocks change has another length."""
    include = extended(tmp_path, {"reports/content/length_of_day.py": LENGTH_OF_DAY})
    (include / "reports").symlink_to(INCLUDE / "reports")
    words = ["reports", "render", "length_of_day", "--run-key", "2026-10-26", "--zone", "Europe/Prague"]
    program = (
        f"import os\nos.environ['BATON_REPORTS_URI'] = 'file://{tmp_path}/made'\n"
        f"from baton_workloads.__main__ import main\nmain({words!r})\n"
    )
    result: dict[str, Any] = json.loads(python(include, program).splitlines()[-1])
    manifest = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())
    assert (manifest["name"], manifest["headline"]) == ("length_of_day", "25 hours")
    assert {"page", "pdf", "mail", "text", "slack"} <= {file["kind"] for file in manifest["files"]}


def test_what_several_reports_share_is_no_report(tmp_path: Path) -> None:
    """A module of the package without a definition is left out, and a wrong name is told those that there are."""
    program = (
        "from baton_workloads.errors import ConfigurationError\n"
        "from baton_workloads.reports.discovery import definition\n"
        "try:\n    definition('stock')\nexcept ConfigurationError as err:\n    print(err)\n"
    )
    assert python(INCLUDE, program).strip() == (
        "there is no report 'stock'; there are alert_digest, daily_sales, low_stock, monthly_business, reconciliation,"
        " weekly_inventory, weekly_summary"
    )
