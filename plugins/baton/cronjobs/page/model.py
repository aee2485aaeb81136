"""What the page of the chains is made of: CronJobs with their place in a chain, their runs, the window of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from statistics import median

from kubernetes_cron import EverySchedule, Schedule, parse

SUCCESS, FAILED, SKIPPED, RUNNING, WAITING = "success", "failed", "skipped", "running", "waiting"
NOT_RUN = "not run"
"""As one before it failed."""
MAX_TICKS = 120
"""Of one CronJob in a window: more cannot be told apart in a picture."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is shown, from `begin` to `end`, looked at now."""

    begin: datetime
    end: datetime
    now: datetime

    def touches(self, begin: datetime | None, end: datetime | None) -> bool:
        """Tell whether something that began (None: not yet) and ended (None: not yet) is to be seen."""
        return begin is not None and begin < self.end and (end or self.now) >= self.begin


@dataclass(frozen=True, slots=True)
class ChainJob:
    """One CronJob as a DAG's task or tasks.

    :param key: its key among the imported CronJobs.
    :param after: keys of those that it follows.
    :param is_paused: its DAG is switched off in Airflow.
    :param chain: the name of its chain; empty where it has none.
    """

    key: str
    dag_id: str
    schedule: str
    time_zone: str | None
    after: tuple[str, ...] = ()
    is_paused: bool = False
    chain: str = ""

    def next_tick(self, moment: datetime) -> datetime | None:
        """The first tick at or after a moment; None where it has none, or counts from when it was made."""
        schedule = _schedule(self.schedule, self.time_zone or "UTC")
        if isinstance(schedule, EverySchedule):
            return None
        return schedule.next(moment - timedelta(seconds=1))

    def has_tick(self, moment: datetime) -> bool:
        """Tell whether its schedule has a tick then, as far as that can be known."""
        return self.next_tick(moment) in (moment, None)

    def ticks(self, window: Window) -> list[datetime]:
        """Its ticks in the window, at most one more than `MAX_TICKS`."""
        ticks: list[datetime] = []
        tick = self.next_tick(window.begin)
        while tick is not None and tick < window.end and len(ticks) <= MAX_TICKS:
            ticks.append(tick)
            tick = self.next_tick(tick + timedelta(seconds=1))
        return ticks


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a CronJob in Airflow: its task, or its tasks taken together.

    :param key: the CronJob's.
    :param tick: the DAG run's tick; None where no schedule asked for it.
    :param state: one of the words above.
    """

    key: str
    dag_id: str
    run_id: str
    tick: datetime | None
    start: datetime | None
    end: datetime | None
    state: str

    @property
    def length(self) -> timedelta | None:
        """How long it ran; None if it has not ended, or was skipped: its task has waited then, and no Job has run."""
        return self.end - self.start if self.start and self.end and self.state != SKIPPED else None


@lru_cache(maxsize=1000)
def _schedule(text: str, time_zone: str) -> Schedule:
    return parse(text, time_zone)


def typical_length(runs: Iterable[JobRun]) -> timedelta | None:
    """The median of the runs that succeeded; None without any."""
    lengths = [run.length for run in runs if run.state == SUCCESS and run.length is not None]
    return timedelta(seconds=median(length.total_seconds() for length in lengths)) if lengths else None


def groups_of(jobs: Iterable[ChainJob]) -> list[list[ChainJob]]:
    """CronJobs that hang together, each group in the order in which they run; chains before those that are alone."""
    known = {job.key: job for job in jobs}
    ordered = _ordered({key: [before for before in job.after if before in known] for key, job in known.items()})
    groups: list[set[str]] = []
    for key in ordered:
        members = {key, *(before for before in known[key].after if before in known)}
        touching = [group for group in groups if group & members]
        groups = [*(group for group in groups if group not in touching), members.union(*touching)]
    found = [[known[key] for key in ordered if key in group] for group in groups]
    return sorted(found, key=lambda group: (len(group) == 1, group[0].key))


def _ordered(after: Mapping[str, Sequence[str]]) -> list[str]:
    """Those before others first. The import refuses circles; DAGs of two times of parsing may still hold one."""
    try:
        return list(TopologicalSorter(after).static_order())
    except CycleError:
        return list(after)
