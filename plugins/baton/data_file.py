"""The YAML and JSON files that people write for Baton: read within limits, with one error for all that may be wrong.

Used for routes, credentials, rules of incidents, policies, recipients, applications and plans. Manifests and chains
keep the line of each field and have a reader of their own, `baton.cronjobs.manifests.yaml_documents`.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from baton.exceptions import PermanentError
from plain_yaml import UnreadableError, load

MAX_BYTES = 1 << 20
_MAX_SHOWN = 300


class DataFileError(PermanentError):
    """A file cannot be used; the message names it, the line in it where that is known, and what is wrong."""


def read_text(path: Path) -> str:
    """The text of a file. The message of the error quotes nothing of it.

    :raises DataFileError: it is missing, no file, too large, or no UTF-8.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # reading a pipe or a device might never end
            raise DataFileError(f"{path} is no file")
        if found.st_size > MAX_BYTES:
            raise DataFileError(f"{path} has {found.st_size:,} bytes: at most {MAX_BYTES:,} are read")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except OSError as err:
        raise DataFileError(f"{path} cannot be read: {err.strerror or err}") from err
    except UnicodeDecodeError as err:
        raise DataFileError(f"{path} is not UTF-8 (byte {err.start + 1})") from err
    except ValueError as err:
        raise DataFileError(f"{str(path)!r} is no path of a file") from err


def read_data(path: Path) -> Any:
    """What a file says, as values that JSON knows too; None for an empty one.

    :raises DataFileError: it cannot be read, is no YAML, or holds what JSON has not.
    """
    try:
        document = load(read_text(path))
    except UnreadableError as err:
        raise DataFileError(f"{path}: it is no YAML that can be used: {err}") from err
    if problem := problem_of_values(document):
        raise DataFileError(f"{path}: {problem}")
    return document


def problem_of(document: object, schema: Mapping[str, Any]) -> str:
    """What does not fit a JSON schema, and where; empty if all does.

    Why keys first: the validator takes them for texts and fails at others.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    if (problem := problem_of_values(document)) or (
        (error := best_match(Draft202012Validator(schema).iter_errors(document))) is None
    ):
        return problem
    place = ".".join(str(part) for part in error.absolute_path) or "the file"
    return f"{place}: {error.message[:_MAX_SHOWN]}"


def problem_of_values(document: object) -> str:
    """What JSON has not, in words, at any depth: keys that are no texts, sets, bytes. Empty if there is none."""
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            for key in part:
                if not isinstance(key, str):
                    return f"the key {str(key)[:80]} is no text: put it in quotes"
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
        elif not isinstance(part, str | int | float | None):
            return f"a value of YAML's own kinds ({type(part).__name__}) is not known here"
    return ""
