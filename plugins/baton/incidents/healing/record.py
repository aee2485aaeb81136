"""What the healer did to a workload, kept on the workload itself.

Why annotations and not Airflow's stores: the note and the restart are one PATCH with one resourceVersion. So two runs
at once, a kill between two steps, or a lost database of Airflow can never restart a workload more often than is
allowed; and whoever looks at the workload with kubectl sees who restarted it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Object = dict[str, Any]

RESTARTS = "baton.dev/heal-restarts"
"""Annotation: a list of `{"at": time, "by": run}`, the latest last."""
HOLD = "baton.dev/heal-hold-until"
"""Annotation: until then the workload is left alone, because a person is asked, or said so."""
HELD_BY = "baton.dev/heal-held-by"
"""Annotation: the run and the task that asks, or asked."""
MAX_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Record:
    """The annotations of one workload, read.

    :param restarts: time and run of each restart, the latest last.
    """

    restarts: list[tuple[datetime, str]] = field(default_factory=list)
    hold_until: datetime | None = None
    held_by: str = ""

    @property
    def last(self) -> datetime | None:
        """When it was restarted last."""
        return self.restarts[-1][0] if self.restarts else None

    def within(self, window: timedelta, now: datetime) -> int:
        """How often it was restarted in the time before now."""
        return sum(1 for at, _ in self.restarts if now - at < window)

    def has(self, by: str) -> bool:
        """Whether this run has restarted it already."""
        return any(other == by for _, other in self.restarts)


def read_record(workload: Object) -> Record:
    """Read a workload's annotations. What somebody made unreadable counts as a hold: the healer keeps its hands off."""
    annotations = workload["metadata"].get("annotations") or {}
    try:
        restarts = sorted((_moment(entry["at"]), str(entry["by"])) for entry in _entries(annotations.get(RESTARTS)))
        hold = _moment(annotations[HOLD]) if annotations.get(HOLD) else None
    except (ValueError, TypeError, KeyError):
        return Record(hold_until=datetime.max.replace(tzinfo=UTC))
    return Record(restarts, hold, annotations.get(HELD_BY) or "")


def _entries(text: str | None) -> list[dict[str, str]]:
    found = json.loads(text or "[]")
    if not isinstance(found, list):
        raise ValueError("no list")
    return found


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def restart_annotations(record: Record, by: str, now: datetime) -> dict[str, str | None]:
    """The annotations of a workload that is restarted now; a hold ends with it."""
    restarts = [*record.restarts, (now, by)][-MAX_ENTRIES:]
    entries = [{"at": at.isoformat(timespec="seconds"), "by": other} for at, other in restarts]
    return {RESTARTS: json.dumps(entries), HOLD: None, HELD_BY: None}


def hold_annotations(until: datetime, by: str) -> dict[str, str]:
    """The annotations of a workload that is left alone for a while."""
    return {HOLD: until.isoformat(timespec="seconds"), HELD_BY: by}
