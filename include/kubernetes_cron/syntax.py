"""A CronJob's ``schedule``, read as kube-apiserver and the CronJob controller read it."""

from __future__ import annotations

from .durations import parse_duration
from .errors import ScheduleError
from .fields import DAYS_OF_MONTH, DAYS_OF_WEEK, HOURS, MINUTES, MONTHS, parse_field
from .pattern import Pattern
from .schedule import EverySchedule, FieldSchedule, Schedule
from .zones import load_zone

SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_SECOND = 1_000_000_000  # nanoseconds


def parse(schedule: str, time_zone: str = "UTC") -> Schedule:
    """A schedule in a time zone.

    :param schedule: five fields, ``@daily`` and the like, or ``@every`` with a Go duration.
    :param time_zone: a name of the IANA database; only days and hours depend on it, ``@every`` does not.
    :raises ScheduleError: the schedule is refused; a zone within it (``TZ=…``) is too, as in Kubernetes since 1.29.
    :raises TimeZoneError: the zone is refused.
    """
    zone = load_zone(time_zone)
    if not schedule:
        raise ScheduleError("empty spec string")
    if "TZ" in schedule:
        raise ScheduleError("cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    if schedule.startswith(_EVERY):
        return _parse_every(schedule)
    if schedule.startswith("@") and schedule not in SHORTHANDS:
        raise ScheduleError(f"unrecognized descriptor: {schedule}")
    texts = SHORTHANDS.get(schedule, schedule).split()
    if len(texts) != 5:
        raise ScheduleError(f"expected exactly 5 fields, found {len(texts)}: [{' '.join(texts)}]")
    bounds = (MINUTES, HOURS, DAYS_OF_MONTH, MONTHS, DAYS_OF_WEEK)
    pattern = Pattern(*(parse_field(*pair) for pair in zip(texts, bounds, strict=True)))
    return FieldSchedule(pattern, zone)


def _parse_every(schedule: str) -> EverySchedule:
    try:
        nanoseconds = parse_duration(schedule.removeprefix(_EVERY))
    except ValueError as err:
        raise ScheduleError(f"failed to parse duration {schedule}: {err}") from err
    return EverySchedule(max(nanoseconds // _SECOND, 1))
