"""How the queues stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from baton.airflow_internals.stored_jobs import longest_wait, tasks_by_queue, waits_over_time
from baton.airflow_internals.workers import workers
from baton.jobs.api.shapes import QueuesStatus, QueueStatus, WaitingTime, Workers
from baton.queues import WEIGHTS, class_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_DAY = timedelta(days=1)
_SPAN_SECONDS = 1800
_COLUMNS = {
    "scheduled": "pending",
    "queued": "pending",
    "running": "active",
    "restarting": "active",
    "success": "completed",
    "skipped": "completed",
    "failed": "failed",
    "": "scheduled",
    "up_for_retry": "scheduled",
    "up_for_reschedule": "scheduled",
    "deferred": "scheduled",
}


def queues_status(session: Session, *, with_waits: bool = True) -> QueuesStatus:
    """All queues, of all DAGs. A queue that is not ours counts as `default`, whose share its tasks use."""
    now = datetime.now(UTC)
    counts = {name: dict.fromkeys(("pending", "active", "completed", "failed", "scheduled"), 0) for name in WEIGHTS}
    for queue, state, count in tasks_by_queue(session, now - _DAY):
        if (column := _COLUMNS.get(state)) is not None:
            counts[class_of(queue)][column] += count
    waits: dict[str, float] = {}
    for queue, since in longest_wait(session):
        waits[class_of(queue)] = max(waits.get(class_of(queue), 0.0), (now - since).total_seconds())
    total, active = workers(session)
    return QueuesStatus(
        queues=[
            QueueStatus(name=name, weight=weight, longest_wait_seconds=round(waits.get(name, 0.0), 1), **counts[name])
            for name, weight in WEIGHTS.items()
        ],
        workers=Workers(total=total, active=min(active, total), idle=max(total - active, 0)),
        waiting=_waiting(session, now) if with_waits else [],
    )


def _waiting(session: Session, now: datetime) -> list[WaitingTime]:
    found: dict[tuple[str, int], tuple[int, float]] = {}
    for queue, at, count, seconds in waits_over_time(session, now - _DAY, _SPAN_SECONDS):
        before, mean = found.get((class_of(queue), at), (0, 0.0))
        found[class_of(queue), at] = (before + count, (mean * before + seconds * count) / (before + count))
    return [
        WaitingTime(queue=queue, at=datetime.fromtimestamp(at, UTC), started=count, average_seconds=round(mean, 3))
        for (queue, at), (count, mean) in sorted(found.items(), key=lambda each: each[0][1])
    ]
