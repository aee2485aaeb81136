"""The wheel holds the plugin, and installed beside the project it does not register it twice."""

import subprocess
import sys
import zipfile
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as a team would install it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], check=True, cwd=PROJECT
    )
    [file] = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_wheel_holds_the_packages_and_nothing_else(wheel):
    """DAGs, workloads and the local stack are the project's, not the wheel's."""
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "baton",
        "kubernetes_cron",
        "kubernetes_values",
        "plain_yaml",
    }
    assert {
        "baton/py.typed",
        "baton/plugin.py",
        "baton/workloads/operator.py",
        "kubernetes_cron/schedule.py",
        "kubernetes_values/fields.txt",
        "baton/alerts/routes.schema.json",
        "baton/alerts/migrations/alembic.ini",
        "baton/alerts/page/static/alerts.js",
        "baton/jobs/api/migrations/alembic.ini",
        "baton/jobs/page/static/jobs.js",
    } <= set(wheel.namelist())


def test_wheel_announces_the_plugin(wheel):
    """Airflow finds it without a plugins folder."""
    [entry_points] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    announced = wheel.read(entry_points).decode()
    assert "[airflow.plugins]\nbaton = baton.plugin:BatonPlugin" in announced
    assert "[airflow.policy]\nbaton = baton.jobs.api.policy" in announced


@pytest.mark.parametrize("installed", [True, False])
def test_plugins_folder_registers_only_what_no_wheel_does(monkeypatch, installed):
    """Registered twice, Airflow would show an import error."""
    points = [EntryPoint("baton", "baton.plugin:BatonPlugin", "airflow.plugins")] if installed else []
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: EntryPoints(points))
    namespace = {}
    exec((PROJECT / "plugins" / "baton_plugin.py").read_text(), namespace)  # noqa: S102  (as Airflow runs it)
    assert ("BatonPlugin" in namespace) is not installed
