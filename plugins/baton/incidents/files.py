"""A YAML file that must fit its schema."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from baton.exceptions import PermanentError


class IncidentsFileError(PermanentError):
    """A data file cannot be used; the message names the place in it."""


def read_checked(path: Path, schema_name: str) -> dict[str, Any]:
    """Read a file and check it against a schema of this package.

    :raises IncidentsFileError: it is not there, no YAML, or not of the documented form.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError) as err:
        raise IncidentsFileError(f"{path} cannot be read: {err}") from err
    schema = json.loads(files(__package__).joinpath(schema_name).read_text(encoding="utf-8"))
    if (error := best_match(Draft202012Validator(schema).iter_errors(document))) is not None:
        where = ".".join(str(part) for part in error.absolute_path) or "the file"
        raise IncidentsFileError(f"{path}: {where}: {error.message[:300]}")
    found: dict[str, Any] = document
    names = [item["name"] for part in found.values() if isinstance(part, list) for item in part]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise IncidentsFileError(f"{path}: two entries have the name {', '.join(twice)}")
    return found
