"""Which of the ticks that have passed the CronJob controller would still start: the latest, or none."""

from __future__ import annotations

from datetime import datetime, timedelta

from kubernetes_cron import Schedule

_NOTHING = timedelta()


def latest_missed(schedule: Schedule, since: datetime, now: datetime, deadline: timedelta | None) -> datetime | None:
    """The latest tick later than `since` and not later than `now` whose starting deadline has not passed.

    Why not one tick after the other: after a year a minutely schedule has missed half a million of them. The
    controller estimates how many there were from the first two and walks the rest; where ticks are very unevenly
    spread its estimate runs past the latest one, and then nothing starts before the next. Here as there.

    :param since: the last tick that was started, or when the CronJob began to exist.
    :param deadline: `startingDeadlineSeconds`.
    Source: `mostRecentScheduleTime` in pkg/controller/cronjob/utils.go of kubernetes/kubernetes.
    """
    if deadline is not None:
        since = max(since, now - deadline)
    first = schedule.next(since)
    if first is None or now < first:
        return None
    second = schedule.next(first)
    if second is None or now < second:
        latest: datetime | None = first
    else:
        step = second - first
        latest = _walk(schedule, first + ((now - first) // step - 1) * step, now)
    return latest if latest is not None and _is_in_time(latest, now, deadline) else None


def coming(schedule: Schedule, since: datetime, now: datetime) -> datetime | None:
    """The first tick later than `now`, counted from those before it; None if there is none within five years.

    Why not simply the next one from now: `@every` counts from the last tick, not from whenever somebody looks.
    """
    first = schedule.next(since)
    if first is None or first > now:
        return first
    return schedule.next(latest_missed(schedule, since, now, None) or now)


def _walk(schedule: Schedule, start: datetime, now: datetime) -> datetime | None:
    latest: datetime | None = None
    tick = schedule.next(start)
    while tick is not None and tick <= now:
        latest, tick = tick, schedule.next(tick)
    return latest


def _is_in_time(tick: datetime, now: datetime, deadline: timedelta | None) -> bool:
    return deadline is None or tick + deadline >= now
