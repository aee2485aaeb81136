"""The rules of `include/incidents/healing.yaml`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from baton.durations import DurationError, read_duration
from baton.incidents.checked_file import IncidentsFileError, read_checked
from baton.incidents.diagnostics.workload import label_selector
from baton.incidents.healing.rules import RESOURCES, ROLL_OUT, Rule, Signs

_LONGEST = timedelta(days=366)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read the file.

    :raises IncidentsFileError: it is not of the documented form.
    """
    try:
        return tuple(_rule(found) for found in read_checked(path, "healing_file.schema.json")["rules"])
    except DurationError as err:
        raise IncidentsFileError(f"{path}: {err}") from err


def _duration(text: str) -> timedelta:
    return read_duration(text, _LONGEST)


def _rule(found: dict[str, Any]) -> Rule:
    signs = found["unhealthy"]
    return Rule(
        name=found["name"],
        namespaces=tuple(found["namespaces"]),
        selector=label_selector(found["selector"]),
        kinds=tuple(found.get("kinds") or RESOURCES),
        signs=Signs(
            crash_loop=signs.get("crash_loop", False),
            restarts_above=signs.get("restarts_above"),
            not_ready_for=_duration(signs["not_ready_for"]) if "not_ready_for" in signs else None,
            alert=signs.get("alert", False),
        ),
        action=found.get("action", ROLL_OUT),
        at_most=found["at_most"],
        within=_duration(found["within"]),
        ready_within=_duration(found.get("ready_within", "5m")),
        stable_for=_duration(found.get("stable_for", "30s")),
    )
