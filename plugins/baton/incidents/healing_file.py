"""The rules of `include/incidents/healing.yaml`."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from baton.incidents.checked_file import read_checked
from baton.incidents.diagnostics.workload import label_selector
from baton.incidents.healing.rules import RESOURCES, ROLL_OUT, Rule, Signs

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read the file.

    :raises IncidentsFileError: it is not of the documented form.
    """
    return tuple(_rule(found) for found in read_checked(path, "healing_file.schema.json")["rules"])


def duration(text: str) -> timedelta:
    """A length of time such as `90s`, `10m`, `1h30m`."""
    return timedelta(seconds=sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text)))


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
            not_ready_for=duration(signs["not_ready_for"]) if "not_ready_for" in signs else None,
            alert=signs.get("alert", False),
        ),
        action=found.get("action", ROLL_OUT),
        at_most=found["at_most"],
        within=duration(found["within"]),
        ready_within=duration(found.get("ready_within", "5m")),
        stable_for=duration(found.get("stable_for", "30s")),
    )
