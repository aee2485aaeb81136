"""Read the anonymisation policies for a DAG: which datasets there are, and what travels to the pods.

Why the DAG reads them: a pod gets its policy by value, so the DAG bundle is the one truth and a changed policy is a
new DAG version, with a diff in the history. The workload, not this module, decides whether a policy is right.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from baton.data_file import read_data
from baton.exceptions import PermanentError
from baton.json_variable import json_variable
from baton.settings import settings

PLAIN_BYTES = 48 << 10  # longer ones are nothing that people read in a pod's description
LONGEST_BYTES = 120 << 10
PACKED = "zlib:"
"""Before base64 of a compressed text; the workload knows it too."""

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
    """Return the environment variable that carries policies into a pod: as JSON, and compressed where that is long.

    Why: a system starts no program with a variable of more than 128 KiB, which some 200 tables fill.

    :raises PermanentError: they are too long even so, for thousands of tables.
    """
    value = json_variable(policies)
    if len(value.encode()) > PLAIN_BYTES:
        packed = zlib.compress(json.dumps(policies, sort_keys=True).encode(), 9)
        value = f"{PACKED}{base64.b64encode(packed).decode()}"
    if len(value) > LONGEST_BYTES:
        raise PermanentError(
            f"the policies of {len(policies)} datasets are too long for a pod's environment, also compressed"
            f" ({len(value) // 1024} KiB of {LONGEST_BYTES // 1024}): spread them over several folders and DAGs"
        )
    return {"BATON_POLICIES": value}


def _read(path: Path) -> dict[str, Any]:
    content = read_data(path)
    if not isinstance(content, dict):
        raise PermanentError(f"policy {path.name} is not a mapping: see the other files in {path.parent}")
    return content
