"""The workloads run with nothing but their own lock: no Airflow, as in their image."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
IMPORT_ALL = """
import importlib, pkgutil, baton_workloads
names = [item.name for item in pkgutil.walk_packages(baton_workloads.__path__, "baton_workloads.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Python in an environment made from the workloads' lock, hashes checked."""
    folder = tmp_path_factory.mktemp("alone") / "venv"
    uv = Path(sys.executable).with_name("uv")
    lock = PROJECT / "include" / "baton_workloads" / "requirements.txt"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True)
    install = [uv, "pip", "sync", "-q", "--require-hashes", "--python", folder / "bin" / "python", lock]
    subprocess.run(install, check=True)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PYTHONPATH": str(PROJECT / "include"), "PATH": "/usr/bin:/bin"}
        command = [folder / "bin" / "python", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_every_module_imports_without_airflow(python: Run):
    """The lock of the image names all that the workloads import."""
    assert python("-c", "import airflow").returncode != 0

    done = python("-c", IMPORT_ALL)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


@pytest.mark.parametrize("stage", ["export", "transform", "load", "validate", "purge-raw", "policy"])
def test_every_stage_explains_itself(python: Run, stage: str):
    """`--help` answers at each level of the command line."""
    done = python("-m", "baton_workloads", "etl", stage, "--help")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage:")
