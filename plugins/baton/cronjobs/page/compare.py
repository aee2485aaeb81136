"""One run of a chain: how it went, and how the same Jobs would have gone on the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from baton.cronjobs.page.model import FAILED, NOT_RUN, RUNNING, SKIPPED, SUCCESS, WAITING, ChainJob, JobRun

LATE = timedelta(minutes=1)
"""From when on a start counts as late; the CronJob controller looks every ten seconds, and a pod needs its time."""

RunKey = tuple[str, str]
"""A DAG run: `dag_id`, `run_id`."""


@dataclass(frozen=True, slots=True)
class TooEarly:
    """On the clock `key` would have started while `before`, which it follows, was still running."""

    key: str
    before: str
    by: timedelta


@dataclass(frozen=True)
class ChainRun:
    """The runs that belong together: of one DAG run, or of DAG runs that started one another.

    :param jobs: all of the chain, in order.
    :param parts: by CronJob; the latest if one ran several times.
    """

    jobs: Sequence[ChainJob]
    parts: Mapping[str, JobRun]

    @cached_property
    def clock(self) -> dict[str, datetime]:
        """When each would have started on the clock: the first at its tick, each other at its own next tick."""
        starts: dict[str, datetime] = {}
        for job in self.jobs:
            part = self.parts.get(job.key)
            if not job.after:
                tick = part.tick if part else None
            else:
                tick = self._follower_tick(job, starts)
            if tick is not None:
                starts[job.key] = tick
        return starts

    def _follower_tick(self, job: ChainJob, starts: Mapping[str, datetime]) -> datetime | None:
        """None also where one before it ran at a tick that its schedule does not have: it has changed since."""
        before = [known for known in self.jobs if known.key in job.after and known.key in starts]
        if len(before) < len(job.after) or not all(one.has_tick(starts[one.key]) for one in before):
            return None
        return job.next_tick(max(starts[one.key] for one in before))

    @cached_property
    def clock_ends(self) -> dict[str, datetime]:
        """When each would have ended on the clock, had it taken as long as it did."""
        lengths = {key: part.length for key, part in self.parts.items()}
        return {key: start + length for key, start in self.clock.items() if (length := lengths.get(key)) is not None}

    @property
    def state(self) -> str:
        """The worst of its parts."""
        states = {part.state for part in self.parts.values()} | (
            {WAITING} if len(self.parts) < len(self.jobs) else set()
        )
        return next(state for state in (FAILED, RUNNING, WAITING, NOT_RUN, SKIPPED, SUCCESS) if state in states)

    @property
    def start(self) -> datetime | None:
        """When the first part started."""
        return min((part.start for part in self.parts.values() if part.start), default=None)

    @property
    def end(self) -> datetime | None:
        """When the last part ended; None while one has not."""
        ends = [part.end for part in self.parts.values() if part.start]
        return max((end for end in ends if end), default=None) if None not in ends else None

    @property
    def clock_end(self) -> datetime | None:
        """When the last one would have ended on the clock; None where that cannot be said."""
        return max(self.clock_ends.values()) if len(self.clock_ends) == len(self.jobs) else None

    @property
    def too_early(self) -> list[TooEarly]:
        """Where the buffer of the clock would have been too short."""
        return [
            TooEarly(job.key, before, self.clock_ends[before] - self.clock[job.key])
            for job in self.jobs
            for before in job.after
            if job.key in self.clock and before in self.clock_ends and self.clock_ends[before] > self.clock[job.key]
        ]

    @property
    def saved(self) -> timedelta | None:
        """How much earlier than on the clock it was done, negative if later.

        None unless it succeeded, and where the clock would have been no alternative because a buffer was too short.
        """
        if len(self.jobs) < 2 or self.state != SUCCESS or self.too_early or not self.end or not self.clock_end:
            return None
        return self.clock_end - self.end

    def late(self, key: str) -> timedelta | None:
        """How much later than on the clock a part started; None if it was in time."""
        part = self.parts[key]
        if part.start is None or key not in self.clock or part.start - self.clock[key] < LATE:
            return None
        return part.start - self.clock[key]


def chain_runs(
    jobs: Sequence[ChainJob], runs: Iterable[JobRun], started_by: Iterable[tuple[RunKey, RunKey]]
) -> list[ChainRun]:
    """Put runs together.

    :param jobs: a chain, in order.
    :param started_by: DAG runs that an asset's event started, each with the run that announced it.
    """
    keys = {job.key for job in jobs}
    found: dict[RunKey, list[JobRun]] = {}
    for run in runs:
        if run.key in keys:
            found.setdefault((run.dag_id, run.run_id), []).append(run)
    leader = {key: key for key in found}

    def follow(key: RunKey) -> RunKey:
        while leader[key] != key:
            key = leader[key]
        return key

    for then, first in started_by:
        if then in leader and first in leader:
            leader[follow(then)] = follow(first)
    together: dict[RunKey, list[JobRun]] = {}
    for key, parts in found.items():
        together.setdefault(follow(key), []).extend(parts)
    made = [ChainRun(jobs, {part.key: part for part in sorted(parts, key=_begin)}) for parts in together.values()]
    return sorted(made, key=lambda run: min(map(_begin, run.parts.values())))


def _begin(run: JobRun) -> float:
    return run.start.timestamp() if run.start else float("inf")


def overlapping(runs: Iterable[JobRun], now: datetime) -> set[tuple[str, str]]:
    """Runs of one CronJob that began before an earlier one of it had ended; of those that were skipped none has run.

    :returns: the CronJob's key and the run's id.
    """
    found: set[tuple[str, str]] = set()
    busy_until: dict[str, datetime] = {}
    for run in sorted(runs, key=_begin):
        if run.start is None or run.state == SKIPPED:
            continue
        if run.key in busy_until and run.start < busy_until[run.key]:
            found.add((run.key, run.run_id))
        busy_until[run.key] = max(busy_until.get(run.key, run.start), run.end or now)
    return found
