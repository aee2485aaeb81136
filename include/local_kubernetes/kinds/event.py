"""Events: what the runtime tells about pods."""

from __future__ import annotations

from typing import Any

from local_kubernetes.resources import Column, Kind

from .columns import since


def _last_seen(event: dict[str, Any]) -> str:
    return since(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp"))


def _object(event: dict[str, Any]) -> str:
    involved = event.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def _source(event: dict[str, Any]) -> str:
    source = event.get("source") or {}
    parts = (source.get("component") or event.get("reportingComponent"), source.get("host"))
    return ", ".join(part for part in parts if part)


EVENT = Kind(
    plural="events",
    kind="Event",
    singular="event",
    short_names=("ev",),
    fields=frozenset(
        {
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        }
    ),
    columns=(
        Column("Last Seen", _last_seen),
        Column("Type", lambda event: event.get("type", "")),
        Column("Reason", lambda event: event.get("reason", "")),
        Column("Object", _object),
        Column("Subobject", lambda event: (event.get("involvedObject") or {}).get("fieldPath", ""), priority=1),
        Column("Source", _source, priority=1),
        Column("Message", lambda event: str(event.get("message", "")).strip()),
        Column("First Seen", lambda event: since(event.get("firstTimestamp") or event.get("eventTime")), priority=1),
        Column("Count", lambda event: event.get("count") or 1, priority=1),
        Column("Name", lambda event: event["metadata"]["name"], priority=1),
    ),
)
