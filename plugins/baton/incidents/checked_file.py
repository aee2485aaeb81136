"""A YAML file that must fit its schema."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from baton.data_file import DataFileError, problem_of, read_data
from baton.exceptions import PermanentError


class IncidentsFileError(PermanentError):
    """A data file cannot be used; the message names the place in it."""


def read_checked(path: Path, schema_name: str) -> dict[str, Any]:
    """Read a file and check it against a schema of this package.

    :raises IncidentsFileError: it is not there, no YAML, or not of the documented form.
    """
    try:
        document = read_data(path)
    except DataFileError as err:
        raise IncidentsFileError(str(err)) from err
    schema = json.loads(files(__package__).joinpath(schema_name).read_text(encoding="utf-8"))
    if problem := problem_of(document, schema):
        raise IncidentsFileError(f"{path}: {problem}")
    found: dict[str, Any] = document
    names = [item["name"] for part in found.values() if isinstance(part, list) for item in part]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise IncidentsFileError(f"{path}: two entries have the name {', '.join(twice)}")
    return found
