"""Runs that a cluster still knows, and what they say about the time between two CronJobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median


@dataclass(frozen=True, slots=True)
class PastRun:
    """One Job of a CronJob.

    :param tick: for which tick it ran.
    :param end: None while it runs.
    :param outcome: Complete, Failed, or None while it runs.
    """

    tick: datetime
    start: datetime
    end: datetime | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Buffer:
    """How the time between two ticks was used.

    :param typical: what the first one takes (median, from its tick to its end); None if no run is known.
    :param runs: how many runs of the first one are known that have ended.
    :param too_short: how many of them were still running when the second one's tick came.
    :param failed: how many failed, and the second one ran all the same.
    """

    typical: timedelta | None
    runs: int
    too_short: int
    failed: int


def buffer_of(runs: Sequence[PastRun], gap: timedelta) -> Buffer:
    """Compare runs with the time until the next one's tick."""
    ended = [run for run in runs if run.outcome is not None]
    seconds = [(run.end - run.tick).total_seconds() for run in ended if run.end is not None]
    return Buffer(
        typical=timedelta(seconds=median(seconds)) if seconds else None,
        runs=len(ended),
        too_short=sum(length > gap.total_seconds() for length in seconds),
        failed=sum(run.outcome == "Failed" for run in ended),
    )
