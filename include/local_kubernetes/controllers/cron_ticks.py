"""Which tick of a CronJob's schedule is due, how many were missed, and when to look again.

Source: ``pkg/controller/cronjob/utils.go`` of kubernetes/kubernetes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes_cron import Schedule, ScheduleError
from local_kubernetes import clock

Object = dict[str, Any]
MANY = 100  # missed ticks of which users are warned
_MARGIN_SECONDS = 0.1  # clocks differ a little: better late than before the tick


class Ticks:
    """A CronJob's schedule, seen from now.

    :param now: Unix seconds.
    """

    def __init__(self, cron_job: Object, schedule: Schedule, now: float) -> None:
        last = (cron_job.get("status") or {}).get("lastScheduleTime")
        self._since = _time(clock.parse(last or cron_job["metadata"]["creationTimestamp"]))
        self._deadline = cron_job["spec"].get("startingDeadlineSeconds")
        self._schedule = schedule
        self._now = _time(now)

    def due(self) -> tuple[datetime | None, bool]:
        """The latest tick that should have started a Job, if any, and whether very many before it were missed.

        A tick that is further back than the starting deadline is not looked for.

        :raises ScheduleError: the schedule does not come twice.
        """
        since = self._since
        if self._deadline is not None:
            since = max(since, self._now - timedelta(seconds=self._deadline))
        latest, missed = self._latest(since)
        return latest, missed > MANY

    def is_too_late(self, tick: datetime) -> bool:
        """Whether the starting deadline of a tick has passed."""
        return self._deadline is not None and tick + timedelta(seconds=self._deadline) < self._now

    def seconds_to_next(self) -> float | None:
        """Until shortly after the next tick; None if there is none."""
        try:
            latest, missed = self._latest(self._since)
        except ScheduleError:
            latest, missed = self._now, 0
        following = self._schedule.next(latest or (self._now if missed else self._since))
        if following is None:
            return None
        return max(0.0, (following - self._now).total_seconds() + _MARGIN_SECONDS)

    def _latest(self, since: datetime) -> tuple[datetime | None, int]:
        """The latest tick between then and now, and about how many there were.

        Why not one after the other: after a year of suspension a minutely schedule has half a million of them.
        """
        first = self._schedule.next(since)
        if first is not None and self._now < first:
            return None, 0
        second = self._schedule.next(first) if first else None
        if first is None or second is None:
            raise ScheduleError("time difference between two schedules is less than 1 second")
        if self._now < second:
            return first, 0
        step = (second - first).total_seconds()
        missed = int((self._now - first).total_seconds() // step) + 1
        # One step further back than needed, for schedules whose ticks are not evenly spread; from a tick, for @every.
        return self._walk(first + timedelta(seconds=(missed - 2) * step)), missed

    def _walk(self, start: datetime) -> datetime | None:
        latest = None
        tick = self._schedule.next(start)
        while tick is not None and tick <= self._now:
            latest, tick = tick, self._schedule.next(tick)
        return latest


def _time(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(unix_seconds, UTC)
