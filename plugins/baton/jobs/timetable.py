"""When a job runs: a cron expression, an interval or one moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.timezone import coerce_datetime
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime

from baton.cronjobs.timetable import CronJobTimetable
from baton.jobs.model.words import in_words

ONCE_DEADLINE = timedelta(hours=1)
"""How late a job of one moment may start, where its file says nothing."""


class AnchoredSchedule:
    """Whole multiples of an interval since 1970-01-01T00:00Z; a schedule as those of `kubernetes_cron`."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def next(self, after: datetime) -> datetime:
        """The first tick later than a moment."""
        return datetime.fromtimestamp((int(after.timestamp()) // self._seconds + 1) * self._seconds, UTC)


class EveryTimetable(CronJobTimetable):
    """Runs at whole multiples of an interval, so that no restart moves or doubles a tick.

    Why anchored: an interval that is counted from the last run drifts with each late start, and begins anew with each
    deployment. What was missed is made up for as with a CronJob: the latest tick, if it is not later than the deadline.

    :param seconds: the interval.
    :param deadline_seconds: how late a tick may start; None for always.
    """

    def __init__(self, seconds: int, deadline_seconds: int | None = None) -> None:
        self._seconds, self._deadline_seconds = seconds, deadline_seconds
        self._schedule = AnchoredSchedule(seconds)
        self.description = f"Every {in_words(timedelta(seconds=seconds))}, counted from 1970-01-01 00:00 UTC"

    @property
    def summary(self) -> str:
        """As the job file says it."""
        return f"every {in_words(timedelta(seconds=self._seconds))}"

    def serialize(self) -> dict[str, Any]:
        """What the scheduler needs to make the timetable again."""
        return {"seconds": self._seconds, "deadline_seconds": self._deadline_seconds}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> EveryTimetable:
        """Make it from what `serialize` gave."""
        return cls(data["seconds"], data["deadline_seconds"])


class OnceTimetable(Timetable):
    """Runs at one moment, once; whoever comes later than the deadline has missed it.

    Why it cannot run twice: the run's logical date is the moment, and Airflow has one run of a DAG for each.

    :param moment: in UTC.
    """

    def __init__(self, moment: datetime, deadline_seconds: int = int(ONCE_DEADLINE.total_seconds())) -> None:
        self._moment, self._deadline_seconds = moment.astimezone(UTC), deadline_seconds
        self.description = f"Once, at {self._moment:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def summary(self) -> str:
        """As the job file says it."""
        return f"at {self._moment:%Y-%m-%dT%H:%M:%SZ}"

    def serialize(self) -> dict[str, Any]:
        """What the scheduler needs to make the timetable again."""
        return {"moment": self._moment.isoformat(), "deadline_seconds": self._deadline_seconds}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> OnceTimetable:
        """Make it from what `serialize` gave."""
        return cls(datetime.fromisoformat(data["moment"]), data["deadline_seconds"])

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """A run by hand covers no time."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The moment, until it has been run or is too long ago."""
        if last_automated_data_interval is not None and _plain(last_automated_data_interval.end) >= self._moment:
            return None
        if self._moment + timedelta(seconds=self._deadline_seconds) < datetime.now(UTC):
            return None
        return DagRunInfo.exact(coerce_datetime(self._moment))


def _plain(moment: datetime) -> datetime:
    """Without pendulum, whose durations are not Python's."""
    return datetime.fromtimestamp(moment.timestamp(), UTC)
