"""A schedule that somebody asks for, checked as a job file's is."""

from __future__ import annotations

from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from baton.jobs.api.overrides import default_zone
from baton.jobs.api.problems import ApiError
from baton.jobs.api.shapes import NewSchedule
from baton.jobs.api.timetable import coming
from baton.jobs.model.job import SHORTEST_INTERVAL
from baton.jobs.model.words import Duration
from kubernetes_cron import ScheduleError, TimeZoneError

_COMING = 5


def checked_schedule(wanted: NewSchedule, zone: str | None) -> tuple[str | None, int | None, str, list[datetime]]:
    """Cron expression, seconds of the interval, zone, and the next five moments.

    :param zone: the job's own, where nothing is said.
    :raises ApiError: 422 what is wrong.
    """
    if (wanted.cron_expression is None) == (wanted.every is None):
        raise ApiError(422, "give cron_expression or every, one of the two")
    seconds = None if wanted.every is None else _seconds(wanted.every)
    chosen = wanted.timezone or zone or default_zone()
    try:
        following = coming(wanted.cron_expression, seconds, chosen, _COMING)
    except TimeZoneError as err:
        raise ApiError(422, f"timezone: {err}") from err
    except ScheduleError as err:
        raise ApiError(422, f"cron_expression: {err}") from err
    if not following:
        raise ApiError(422, "cron_expression: no moment ever fits it")
    return wanted.cron_expression, seconds, chosen, following


def _seconds(text: str) -> int:
    try:
        found = TypeAdapter(Duration).validate_python(text)
    except ValidationError as err:
        raise ApiError(422, f"every: {err.errors()[0]['msg'].removeprefix('Value error, ')}") from err
    if found < SHORTEST_INTERVAL:
        raise ApiError(422, "every: the shortest interval is 10s")
    return int(found.total_seconds())
