"""Values that the tables of several kinds show."""

from __future__ import annotations

from typing import Any

from baton_local.kubernetes import clock


def age(obj: dict[str, Any]) -> str:
    """How old an object is, as kubectl prints it."""
    return since(obj["metadata"].get("creationTimestamp"))


def since(timestamp: str | None) -> str:
    """Time passed since a timestamp: ``42s``, ``3m5s``, ``2d``; ``<unknown>`` without one."""
    if not timestamp:
        return "<unknown>"
    return duration(max(0, int(clock.unix() - clock.parse(timestamp))))


def duration(total: int) -> str:
    """Seconds for people, the way apimachinery's HumanDuration shortens them."""
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d" if days < 730 else f"{days // 365}y"
