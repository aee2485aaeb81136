"""Events: what the runtime tells about pods."""

from __future__ import annotations

from typing import Any

from baton_local.kubernetes.resources import Column, Kind

from .columns import since


def _last_seen(event: dict[str, Any]) -> str:
    return since(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp"))


def _object(event: dict[str, Any]) -> str:
    involved = event.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


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
        Column("Message", lambda event: str(event.get("message", "")).strip()),
    ),
)
