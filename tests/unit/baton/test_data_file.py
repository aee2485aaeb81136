"""Files that people write for DAGs: whatever stands in them, they are read or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.baton.alerts.test_files import NAMED, anything, paths, replaced

from baton.cronjobs.templates.source import SourceError, _job_documents
from baton.data_file import DataFileError, read_data
from baton.exceptions import PermanentError
from baton.incidents.checked_file import read_checked
from baton.reports.recipients import read_recipients
from baton.workloads.backup_applications import read_applications
from baton.workloads.etl_policies import read_policies
from baton.workloads.maintenance_tasks import read_plan

PROJECT = Path(__file__).parents[3]
Read = Callable[[Path], object]
READERS: dict[str, tuple[Read, Any]] = {
    "applications": (
        read_applications,
        {
            "applications": [
                {"name": "wiki", "image": "wiki:1", "command": ["dump"], "secrets": ["a"], "claims": {"b": "/c"}}
            ]
        },
    ),
    "recipients": (lambda path: read_recipients(path, "sales"), {"sales": {"mail": ["a@b"], "slack": ["#c"]}}),
    "plan": (read_plan, {"addresses": ["/"], "concurrency": 2}),
    "policies": (lambda path: read_policies(path.parent), {"tables": {"a": {"b": "keep"}}}),
    "healing": (
        lambda path: read_checked(path, "healing_file.schema.json"),
        yaml.safe_load((PROJECT / "include" / "incidents" / "healing.yaml").read_text()),
    ),
}


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_at_any_place_is_read_or_refused(tmp_path: Path, reader: str, data: st.DataObject) -> None:
    """Nothing but the one kind of error that is not tried again."""
    read, good = READERS[reader]
    file = tmp_path / "file.yaml"
    document = replaced(good, data.draw(st.sampled_from(paths(good))), data.draw(anything))
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    try:
        read(file)
    except PermanentError as err:
        assert "file.yaml" in str(err)  # noqa: PT017


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("content", NAMED.values(), ids=NAMED)
def test_a_text_that_is_no_such_file_is_refused(tmp_path: Path, reader: str, content: bytes) -> None:
    """An empty table of applications is one."""
    file = tmp_path / "file.yaml"
    file.write_bytes(content)
    read, _ = READERS[reader]
    if reader == "applications" and not content:
        assert read(file) == []
    elif reader in ("plan", "policies") and content == NAMED["infinity"]:
        assert read(file)  # of no use, but a mapping; the workload decides
    else:
        with pytest.raises(PermanentError, match=r"file\.yaml"):
            read(file)


@pytest.mark.parametrize("content", NAMED.values(), ids=NAMED)
def test_a_jobs_manifest_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """It is read by the same limits."""
    file = tmp_path / "file.yaml"
    file.write_bytes(content)
    try:
        assert not list(_job_documents(file))
    except SourceError as err:
        assert "file.yaml" in str(err)  # noqa: PT017


def test_an_error_names_file_and_line(tmp_path: Path) -> None:
    """And what is wrong there."""
    file = tmp_path / "file.yaml"
    file.write_text("a: 1\nb: [\n}")
    with pytest.raises(DataFileError, match=r"file\.yaml: .* line 3: "):
        read_data(file)
