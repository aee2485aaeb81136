"""What Airflow reads from the environment when it is first imported; without Airflow nothing of it matters."""

import atexit
import gc
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]


def _point_airflow_at_a_scratch_home() -> None:
    home = tempfile.mkdtemp(prefix="baton-tests-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]  # a developer's own installation must not change what a test sees
    os.environ |= {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "BATON_SETTINGS_FILE": str(PROJECT / "config" / "baton.yaml"),
    }


_point_airflow_at_a_scratch_home()


def pytest_collection_finish(session):
    """Spare the garbage collector what is imported by now: many tests call it, and it looks at a million objects."""
    gc.collect()
    gc.freeze()


def pytest_configure(config):
    """Airflow 3.3 reads .airflowignore files with a class that pathspec has deprecated."""
    config.addinivalue_line("filterwarnings", "ignore:GitWildMatchPattern:DeprecationWarning")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Divide the tests by what they share; only the process that hands them out needs it."""
    from tests.side_by_side import SideBySide

    return SideBySide(config, log)


@pytest.fixture
def until() -> Callable[..., Any]:
    """Asks until the answer is true, and returns that; asserts that it comes in time."""

    def wait(question: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            assert time.monotonic() < deadline, f"not within {seconds} s"
            time.sleep(0.02)
        return answer

    return wait
