"""DAG files, parsed in this process as the DAG processor parses them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import DAG


def parse_dags(folder: Path) -> tuple[list[DAG], dict[str, str]]:
    """Return the DAGs of a folder, and file → error of those files that cannot be imported."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=folder)
    return list(bag.dags.values()), {str(file): error for file, error in bag.import_errors.items()}
