"""What each component of a running stack uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True)
class Usage:
    """One component as `./baton status` shows it; ``pid`` is 0 where it does not run."""

    name: str
    state: str
    pid: int
    up_seconds: int
    memory_mb: int


def usage_of(process: Mapping[str, Any]) -> Usage:
    """The usage of one component.

    :param process: what supervisord tells of it.
    """
    running = process["statename"] == "RUNNING"
    return Usage(
        name=process["name"],
        state=process["statename"].lower(),
        pid=process["pid"],
        up_seconds=process["now"] - process["start"] if running else 0,
        memory_mb=_memory_bytes(process["pid"]) // 1_000_000 if running else 0,
    )


def _memory_bytes(pid: int) -> int:
    """Memory of a process and its children; Linux splits shared pages among those who share them (PSS)."""
    total = 0
    try:
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            info = process.memory_full_info()
            total += getattr(info, "pss", info.uss)
    except psutil.Error:
        return total
    return total
