"""Runs at the ticks of a Kubernetes CronJob, exactly those that its controller computes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.timezone import coerce_datetime
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime

from baton.cronjobs.missed_ticks import coming, latest_missed
from baton.schedules.in_words import in_words
from kubernetes_cron import EverySchedule, Schedule, parse

_FIRST_TICK_GRACE = timedelta(minutes=5)
"""How late a DAG's very first tick may start: longer than the scheduler and the DAG processor take between looks."""


class CronJobTimetable(Timetable):
    """The schedule of a CronJob; a run has its tick as logical date and an empty data interval.

    Why not Airflow's cron timetables: they give other times on nights with a clock change, for the day of the month
    *or* of the week and for `@every`, and make up for missed ticks without a starting deadline.

    What was missed is made up for as the controller does: the latest tick only, and only within its starting deadline
    (without one: always). A DAG without a start date has missed nothing before its first run, as a new CronJob. With
    `catchup=True`, and in a backfill, every tick is run and the starting deadline does not count.

    :param schedule: five fields, `@daily` and the like, `@every 90m`.
    :param time_zone: a name of the IANA database; `timeZone` of the CronJob. Without one Kubernetes uses the zone of
        its controller manager, which is UTC nearly everywhere.
    :param starting_deadline_seconds: how late a tick may start.
    :raises ScheduleError: Kubernetes would refuse the schedule; the message is the one it gives.
    :raises TimeZoneError: Kubernetes would refuse the zone.
    """

    def __init__(
        self, schedule: str, time_zone: str | None = None, starting_deadline_seconds: int | None = None
    ) -> None:
        self._text = schedule
        self._zone_name = time_zone or "UTC"
        self._deadline_seconds = starting_deadline_seconds
        self._schedule: Schedule = parse(schedule, self._zone_name)
        self.description = f"{in_words(schedule)} ({self._zone_name})"

    @property
    def summary(self) -> str:
        """The schedule as it is written in the manifest, with its zone."""
        return self._text if self._zone_name == "UTC" else f"{self._text} {self._zone_name}"

    def serialize(self) -> dict[str, Any]:
        """What the scheduler needs to make the timetable again."""
        return {
            "schedule": self._text,
            "time_zone": self._zone_name,
            "starting_deadline_seconds": self._deadline_seconds,
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> CronJobTimetable:
        """Make it from what `serialize` gave."""
        return cls(data["schedule"], data["time_zone"], data.get("starting_deadline_seconds"))

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """A run by hand covers no time either."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The tick that runs next: one that was missed, or the next to come; None if there is none."""
        last = _plain(last_automated_data_interval.end if last_automated_data_interval else None)
        earliest = _plain(restriction.earliest)
        tick = self._every(last, earliest) if restriction.catchup else self._latest(last, earliest)
        if tick is None or (restriction.latest is not None and tick > restriction.latest):
            return None
        return DagRunInfo.exact(coerce_datetime(tick))

    def _every(self, last: datetime | None, earliest: datetime | None) -> datetime | None:
        begin = _just_before(earliest or last or _now())
        return self._schedule.next(max(last or begin, begin))

    def _latest(self, last: datetime | None, earliest: datetime | None) -> datetime | None:
        now = _now()
        since = self._since(last, earliest, now)
        deadline = None if self._deadline_seconds is None else timedelta(seconds=self._deadline_seconds)
        return latest_missed(self._schedule, since, now, deadline) or coming(self._schedule, since, now)

    def _since(self, last: datetime | None, earliest: datetime | None, now: datetime) -> datetime:
        """From when on ticks count."""
        begin = earliest and _just_before(earliest)
        known = [moment for moment in (last, begin) if moment]
        if known:
            return max(known)
        recently = now - _FIRST_TICK_GRACE
        if isinstance(self._schedule, EverySchedule):  # else each look would put the first tick further off
            return recently - timedelta(seconds=recently.timestamp() % self._schedule.seconds)
        return recently


def _now() -> datetime:
    return datetime.now(UTC)


def _plain(moment: datetime | None) -> datetime | None:
    """Without pendulum, whose times lose their zone when a duration is taken from them."""
    return moment and datetime.fromtimestamp(moment.timestamp(), UTC)


def _just_before(moment: datetime) -> datetime:
    """So that a tick at that very moment counts as later."""
    return moment - timedelta(seconds=1)
