"""A folder of DAGs for the scheduler: the provider's example files unchanged, beside stand-ins for what they import."""

from __future__ import annotations

import shutil
from pathlib import Path

STAND_INS = Path(__file__).with_name("stand_ins")
_PATTERNS = ("example_*.py", "*.yaml")


class NoExamplesError(Exception):
    """The folder that was named has no example DAG in it."""


def make_bundle(folder: Path, target: Path) -> list[str]:
    """Copy the examples to ``target``; returns the names of their Python files.

    Why stand-ins: the examples end with helpers of Airflow's own test suite (``tests_common``), which no package has.

    :raises NoExamplesError: there is none.
    """
    found = [path for pattern in _PATTERNS for path in sorted(folder.glob(pattern))]
    names = [path.name for path in found if path.suffix == ".py"]
    if not names:
        raise NoExamplesError(f"no example_*.py in {folder}; docs/airflow-examples.md says how to get them")
    shutil.copytree(STAND_INS, target, ignore=shutil.ignore_patterns("__pycache__"))
    for path in found:
        shutil.copy(path, target)
    _repeat_below(target)
    (target / ".airflowignore").write_text("tests_common/\n")
    return names


def _repeat_below(target: Path) -> None:
    """Repeat the YAML files below ``target`` at the bundle's absolute path.

    Why: the Spark example names its application file by an absolute path. Airflow takes that for a template, and Jinja
    looks for any path below the bundle only.
    """
    below = target.joinpath(*target.parts[1:])
    below.mkdir(parents=True)
    for path in target.glob("*.yaml"):
        shutil.copy(path, below)
