"""When an event of the Kubernetes API was seen last, in whichever of its fields that stands."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def event_time(event: Object) -> str:
    """When an event was seen last."""
    series = event.get("series") or {}
    found = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(found or event["metadata"].get("creationTimestamp") or "")
