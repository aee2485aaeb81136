"""Whether a tick may still start, by the rules of the CronJob controller.

Of several ticks that could not start only the latest one does, and none whose starting deadline has passed.
Source: `nextScheduleTime` and `mostRecentScheduleTime` in pkg/controller/cronjob/utils.go of kubernetes/kubernetes,
and recordings of the controller, which the tests replay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kubernetes_cron import parse


@dataclass(frozen=True, slots=True)
class Timing:
    """A tick, and what limits its start.

    :param schedule: the CronJob's; None where the tick is not its own, so that no other tick can supersede it.
    :param time_zone: the CronJob's, None means UTC.
    :param starting_deadline_seconds: None: the tick is never too late.
    """

    tick: datetime
    schedule: str | None = None
    time_zone: str | None = None
    starting_deadline_seconds: float | None = None

    def missed(self, now: datetime) -> str | None:
        """Say in a sentence why the tick must not start any more; None while it may.

        :raises ScheduleError: the schedule cannot be read.
        """
        following = self._following()
        if following is not None and following <= now:
            return (
                f"{self.title()} is superseded: its Job could not start before the schedule came due "
                f"again, at {_text(following)}; of several missed ticks only the latest runs"
            )
        limit = self._limit()
        if limit is not None and limit <= now:
            return (
                f"{self.title()} is too late: its Job could not start within "
                f"startingDeadlineSeconds ({self.starting_deadline_seconds:g})"
            )
        return None

    def title(self) -> str:
        """Name the tick at the beginning of a sentence."""
        return f"The tick of {_text(self.tick)}"

    def missed_at(self) -> datetime | None:
        """Return the moment from which the tick is missed, None if it never is."""
        return min((moment for moment in (self._following(), self._limit()) if moment is not None), default=None)

    def _following(self) -> datetime | None:
        return parse(self.schedule, self.time_zone or "UTC").next(self.tick) if self.schedule else None

    def _limit(self) -> datetime | None:
        seconds = self.starting_deadline_seconds
        return None if seconds is None else self.tick + timedelta(seconds=seconds)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
