"""Airflow's API server is not a stable interface."""

from pathlib import Path

PLUGIN = Path(__file__).parents[4] / "plugins"


def test_one_module_knows_the_inside_of_airflows_api_server():
    """What changes there is changed here in one place."""
    files = [path for path in PLUGIN.rglob("*.py") if _uses_it(path)]
    assert [path.relative_to(PLUGIN).as_posix() for path in files] == ["baton/airflow_internals/airflow_server.py"]


def _uses_it(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return any(line.strip().startswith(("from airflow.api_fastapi", "import airflow.api_fastapi")) for line in lines)
