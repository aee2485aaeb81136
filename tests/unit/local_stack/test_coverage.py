"""`./baton test --coverage`: packages are added up, and none may fall below its floor."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from baton_local import coverage
from baton_local.cli.develop import COVERAGE_FLOORS
from baton_local.coverage import Measured, below, by_package, package_of, raise_to, read_floors
from baton_local.layout import PROJECT


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("plugins/baton/settings.py", "baton"),
        ("plugins/baton/alerts/service.py", "baton.alerts"),
        ("plugins/baton/alerts/page/app.py", "baton.alerts"),
        ("plugins/baton_plugin.py", "baton_plugin"),
        ("include/baton_workloads/etl/rules/masks.py", "baton_workloads.etl"),
        ("include/plain_yaml/__init__.py", "plain_yaml"),
        ("config/airflow_local_settings.py", "airflow_local_settings"),
    ],
)
def test_a_file_counts_for_its_package(path, package):
    """The upper two names."""
    assert package_of(path) == package


def summary(statements, lines, branches, taken):
    """What the report says of a file."""
    counts = {"num_statements": statements, "covered_lines": lines, "num_branches": branches, "covered_branches": taken}
    return {"summary": counts}


def test_lines_and_branches_are_added_up():
    """Of all files of a package."""
    files = {
        "plugins/baton/alerts/a.py": summary(6, 5, 2, 1),
        "plugins/baton/alerts/page/b.py": summary(2, 0, 0, 0),
        "include/plain_yaml/empty.py": summary(0, 0, 0, 0),
    }
    found = by_package({"files": files})
    assert {name: part.percent for name, part in found.items()} == {"baton.alerts": 60.0, "plain_yaml": 100.0}


def test_a_fall_is_named():
    """And so are floors that nobody set, or that nothing has any more."""
    measured = {"a": Measured(1000, 799), "b": Measured(10, 8), "new": Measured(10, 5)}
    assert below(measured, {"a": 80, "b": 80, "gone": 1}) == [
        "a: 79.9 % is below its floor, 80 %",
        "new: has no floor; it reached 50",
        "gone: has a floor, and is no package any more",
    ]


def test_floors_only_rise(tmp_path):
    """Those of packages that are gone go, and the first line stays."""
    file = tmp_path / "floors.yaml"
    file.write_text("# Floors\na: 80\nb: 80\ngone: 1\n")
    raise_to({"a": Measured(1000, 799), "b": Measured(1000, 819), "new": Measured(3, 2)}, file)
    assert read_floors(file) == {"a": 80, "b": 81, "new": 66}
    assert file.read_text().startswith("# Floors\n")


def test_each_package_has_a_floor_and_each_floor_a_package():
    """A package that is new is measured from its first day."""
    there = {
        package_of(str(file.relative_to(PROJECT)))
        for root in coverage.ROOTS
        for file in (PROJECT / root).rglob("*.py")
        if "functions" not in file.relative_to(PROJECT / root).parts[:1]
    }
    assert set(read_floors(COVERAGE_FLOORS)) == there


def test_processes_that_a_test_starts_are_measured(tmp_path):
    """A real run of the tool over a test that starts Python, with this project's settings."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "program.py").write_text(
        "import sys\nif len(sys.argv) > 1:\n    print(1)\nelse:\n    print(2)\n"
    )
    (tmp_path / "start.py").write_text(
        "import subprocess, sys\nsys.exit(subprocess.run([sys.executable, 'plugins/program.py']).returncode)\n"
    )
    ours = (PROJECT / "pyproject.toml").read_text()
    section = ours[ours.index("[tool.coverage.run]") : ours.index("[tool.pytest")]
    (tmp_path / "pyproject.toml").write_text(section.replace('"include", "config"', ""))
    own = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    measure = [sys.executable, "-m", "coverage"]
    for words in (["run", "start.py"], ["combine"], ["json", "-o", "report.json"]):
        subprocess.run([*measure, *words], cwd=tmp_path, env=own, check=True, capture_output=True)
    [counts] = [file["summary"] for file in json.loads((tmp_path / "report.json").read_text())["files"].values()]
    assert (counts["covered_lines"], counts["num_statements"], counts["covered_branches"]) == (3, 4, 1)


def test_the_floors_are_whole_percents():
    """As they are compared."""
    assert all(isinstance(value, int) for value in yaml.safe_load(COVERAGE_FLOORS.read_text()).values())
