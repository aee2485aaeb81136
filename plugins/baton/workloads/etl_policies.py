"""Read the anonymisation policies for a DAG: which datasets there are, and what travels to the pods.

Why the DAG reads them: a pod gets its policy by value, so the DAG bundle is the one truth and a changed policy is a
new DAG version, with a diff in the history. The workload, not this module, decides whether a policy is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from baton.data_file import read_data
from baton.exceptions import PermanentError
from baton.json_variable import json_variable
from baton.settings import settings

Policies = dict[str, dict[str, Any]]


def read_policies(folder: Path) -> Policies:
    """Read `{dataset}.yaml` of a folder.

    :returns: dataset → policy, sorted by dataset.
    :raises PermanentError: there is no policy, or a file does not hold a mapping.
    """
    policies = {path.stem: _read(path) for path in sorted(folder.glob("*.yaml"))}
    if not policies:
        raise PermanentError(f"no policy (*.yaml) in {folder}: make the first with `baton policy init`")
    return policies


def policies_folder() -> Path:
    """Return the folder of policies, as the settings name it."""
    return settings().policies_folder or settings().data("etl", "policies")


def policies_env(policies: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the environment variable that carries policies into a pod."""
    return {"BATON_POLICIES": json_variable(policies)}


def _read(path: Path) -> dict[str, Any]:
    content = read_data(path)
    if not isinstance(content, dict):
        raise PermanentError(f"policy {path.name} is not a mapping: see the other files in {path.parent}")
    return content
