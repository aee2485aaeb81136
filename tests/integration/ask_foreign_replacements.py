"""Run by a test inside a foreign Airflow: prints what of Airflow is another thing after its components have started.

As JSON on the last line: the names that were replaced, and what the log says of it. A name is a function or a class of
any of Airflow's modules, or a method of a class as it was before.
"""

import importlib
import inspect
import json
import logging
import sys
from types import FunctionType
from typing import Any

from airflow.jobs.job import Job

COMPONENTS = (
    "airflow.jobs.triggerer_job_runner",
    "airflow.jobs.scheduler_job_runner",
    "airflow.dag_processing.manager",
    "airflow.sdk.execution_time.task_runner",
    "airflow.providers.cncf.kubernetes.operators.pod",
    "airflow.providers.cncf.kubernetes.triggers.pod",
)
KINDS = (FunctionType, type, classmethod, staticmethod, property)


def owners() -> dict[str, Any]:
    """Airflow's modules, and their classes."""
    modules = {name: module for name, module in sys.modules.items() if name.startswith("airflow.")}
    classes = {
        f"{name}.{cls.__qualname__}": cls
        for name, module in modules.items()
        for cls in list(vars(module).values())
        if inspect.isclass(cls) and cls.__module__ == name
    }
    return modules | classes


def parts(owner: Any) -> dict[str, Any]:
    """What of it could be replaced."""
    return {name: part for name, part in list(vars(owner).items()) if isinstance(part, KINDS)}


class Kept(logging.Handler):
    """Keeps what Baton says."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.add(f"{record.levelname} {record.getMessage()}")


def main() -> None:
    """Load the plugins and start a component, as far as listeners see it."""
    for module in COMPONENTS:
        importlib.import_module(module)
    before = [(name, owner, parts(owner)) for name, owner in owners().items()]
    kept = Kept()
    logger = logging.getLogger("baton")
    logger.setLevel(logging.INFO)
    logger.addHandler(kept)
    Job()  # tells the listeners
    assert "baton.airflow_internals.startup" in sys.modules
    replaced = [
        f"{name}.{part}"
        for name, owner, known in before
        for part, thing in known.items()
        if parts(owner).get(part) is not thing
    ]
    said = [line for line in kept.lines if "Replaced" in line]
    print(json.dumps({"looked_at": len(before), "replaced": sorted(replaced), "said": sorted(said)}))


if __name__ == "__main__":
    main()
