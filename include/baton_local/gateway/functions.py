"""The functions of a folder, as its ``stack.yaml`` declares them: a part of OpenFaaS' format."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from baton_local.errors import StackError
from kubernetes_cron.durations import parse_duration
from kubernetes_values import LABEL
from plain_yaml import load


@dataclass(frozen=True)
class Function:
    """One function.

    :param folder: where its ``handler.py`` is.
    :param max_inflight: requests at the same time, one process each; one more is answered 429.
    :param exec_timeout_seconds: after which its process is ended and the request answered 504.
    :param environment: variables of its processes.
    """

    name: str
    folder: Path
    max_inflight: int = 4
    exec_timeout_seconds: float = 60.0
    environment: dict[str, str] = field(default_factory=dict)


def read_functions(stack_file: Path) -> dict[str, Function]:
    """Read a ``stack.yaml``: name → function.

    :raises StackError: it cannot be read; the message names the function and the field.
    """
    try:
        document = load(stack_file.read_bytes())
        declared: dict[str, Any] = document["functions"]
        return {name: _function(stack_file.parent, name, fields) for name, fields in declared.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise StackError(f"cannot read {stack_file}: {type(err).__name__}: {err}") from err


def _function(base: Path, name: str, fields: dict[str, Any]) -> Function:
    if not LABEL.fits(name):
        raise StackError(f"function {name!r}: a name has lower case letters, digits and '-', at most 63")
    folder = (base / fields["handler"]).resolve()
    if not (folder / "handler.py").is_file():
        raise StackError(f"function {name}: there is no {folder}/handler.py")
    environment = {key: str(value) for key, value in (fields.get("environment") or {}).items()}
    return Function(
        name=name,
        folder=folder,
        max_inflight=int(environment.get("max_inflight", 4)),
        exec_timeout_seconds=seconds(environment.get("exec_timeout", "60s"), name),
        environment=environment,
    )


def seconds(text: str, name: str) -> float:
    """A duration as Go writes it, "90s", "1m30s", in seconds.

    :raises StackError: it is none.
    """
    try:
        nanoseconds = parse_duration(text)
    except ValueError as err:
        raise StackError(f"function {name}: exec_timeout {text!r} is no duration such as 30s or 1m30s") from err
    if nanoseconds < 0:
        raise StackError(f"function {name}: exec_timeout {text!r} is below 0")
    return nanoseconds / 1e9
