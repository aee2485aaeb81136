"""The schedule that the jobs API gave a job, in place of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction

from baton.cronjobs.timetable import CronJobTimetable
from baton.jobs.model.words import in_words
from baton.jobs.timetable import AnchoredSchedule
from kubernetes_cron import Schedule, parse


class RescheduledTimetable(CronJobTimetable):
    """A cron expression or an interval, whose ticks count from the moment of the change.

    Why from then: a job that is moved from six to seven, at eight, has missed nothing.

    :param schedule: a cron expression; empty with `every_seconds`.
    :param since: the moment of the change, ISO 8601.
    """

    def __init__(self, schedule: str, time_zone: str, since: str, every_seconds: int | None = None) -> None:
        self._text, self._zone_name, self._changed, self._every_seconds = schedule, time_zone, since, every_seconds
        self._deadline_seconds = None
        if every_seconds is None:
            super().__init__(schedule, time_zone)
        else:
            self._schedule = AnchoredSchedule(every_seconds)
            self.description = f"Every {in_words(timedelta(seconds=every_seconds))}, set by the jobs API"

    @property
    def summary(self) -> str:
        """As Airflow's list shows it."""
        every = self._every_seconds
        text = super().summary if every is None else f"every {in_words(timedelta(seconds=every))}"
        return f"{text} (rescheduled)"

    def serialize(self) -> dict[str, Any]:
        """What the scheduler needs to make the timetable again."""
        return {
            "schedule": self._text,
            "time_zone": self._zone_name,
            "since": self._changed,
            "every_seconds": self._every_seconds,
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> RescheduledTimetable:
        """Make it from what `serialize` gave."""
        return cls(data["schedule"], data["time_zone"], data["since"], data["every_seconds"])

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The tick that runs next; of those that were missed the latest, whatever the DAG says of catching up."""
        since = TimeRestriction(restriction.earliest, restriction.latest, catchup=False)
        return super().next_dagrun_info(last_automated_data_interval=last_automated_data_interval, restriction=since)

    def _since(self, last: datetime | None, earliest: datetime | None, now: datetime) -> datetime:
        changed = datetime.fromisoformat(self._changed).astimezone(UTC)
        known = [moment for moment in (last, earliest) if moment]
        return max([changed, *known])


_COMING: dict[tuple[str | None, int | None, str, int], list[datetime]] = {}
"""What was found last, which holds until the first of it has passed: a list of jobs asks for hundreds each time."""
_MOST_KEPT = 10_000


def schedule_of(cron: str | None, every_seconds: int | None, zone: str) -> Schedule | AnchoredSchedule:
    """The ticks of a schedule.

    :raises ScheduleError, TimeZoneError: it is none.
    """
    return AnchoredSchedule(every_seconds) if every_seconds is not None else parse(cron or "", zone)


def coming(cron: str | None, every_seconds: int | None, zone: str, count: int) -> list[datetime]:
    """The next moments of a schedule, UTC."""
    now, key = datetime.now(UTC), (cron, every_seconds, zone, count)
    kept = _COMING.get(key)
    if kept and kept[0] > now:
        return kept
    schedule, found, moment = schedule_of(cron, every_seconds, zone), [], now
    for _ in range(count):
        following = schedule.next(moment)
        if following is None:
            break
        moment = following.astimezone(UTC)
        found.append(moment)
    if len(_COMING) >= _MOST_KEPT:
        _COMING.clear()
    _COMING[key] = found
    return found
