"""Who gets which report."""

from pathlib import Path

import pytest

from baton.exceptions import PermanentError
from baton.reports.recipients import read_recipients
from baton.settings import settings
from baton_workloads.reports.discovery import definitions

RECIPIENTS = settings().data("reports", "recipients.yaml")


@pytest.mark.parametrize("report", definitions())
def test_each_report_has_recipients(report: str) -> None:
    """None is rendered for nobody."""
    assert read_recipients(RECIPIENTS, report)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "sales: {}",
        "sales: {mail: a@b.c}",
        "sales: {mail: []}",
        "sales: {fax: ['1']}",
        "sales: {mail: [1]}",
        "other: {mail: [a@b.c]}",
        "[]",
    ],
)
def test_a_file_that_does_not_say_is_refused(content: str, tmp_path: Path) -> None:
    """While the DAG is parsed, not when the first report is due."""
    path = tmp_path / "recipients.yaml"
    path.write_text(content)
    with pytest.raises(PermanentError, match="recipients"):
        read_recipients(path, "sales")
    with pytest.raises(PermanentError, match="cannot be read"):
        read_recipients(tmp_path / "missing.yaml", "sales")
