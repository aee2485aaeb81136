"""Values that the tables of several kinds show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_kubernetes import clock
from local_kubernetes.resources import Column


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


def name() -> Column:
    """The first column of every table."""
    return Column("Name", lambda obj: obj["metadata"]["name"], format="name")


def template_columns(spec: Callable[[dict[str, Any]], dict[str, Any]]) -> tuple[Column, Column]:
    """Containers and images of what makes pods, for ``-o wide``. ``spec`` finds the pods' spec in an object."""

    def joined(field: str) -> Callable[[dict[str, Any]], str]:
        return lambda obj: ",".join(str(container[field]) for container in spec(obj)["containers"])

    return Column("Containers", joined("name"), priority=1), Column("Images", joined("image"), priority=1)
