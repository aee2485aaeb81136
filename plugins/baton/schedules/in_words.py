"""A CronJob's schedule in words, for people who look at the DAG."""

from __future__ import annotations

from functools import lru_cache

from cron_descriptor import CasingTypeEnum, ExpressionDescriptor, FormatException

from kubernetes_cron import SHORTHANDS

_EVERY = "@every "


def in_words(schedule: str) -> str:
    """One sentence without a full stop, such as "At 01:00, Monday through Friday".

    :param schedule: one that Kubernetes accepts; what nobody has words for is returned as it is.
    """
    if schedule.startswith(_EVERY):
        return f"Every {schedule.removeprefix(_EVERY)} after the last time"
    minute, hour, day, month, weekday = SHORTHANDS.get(schedule, schedule).replace("?", "*").split()
    try:
        if day.startswith("*") or weekday.startswith("*"):
            return _sentence(minute, hour, day, month, weekday)
        by_day, by_weekday = _sentence(minute, hour, day, month, "*"), _sentence(minute, hour, "*", month, weekday)
    except (FormatException, ValueError, IndexError):
        return schedule
    return f"{by_day}; and also {by_weekday[0].lower()}{by_weekday[1:]}"  # Kubernetes: one of the two days is enough


@lru_cache(maxsize=1024)  # a descriptor reads its dictionary from a file each time
def _sentence(*fields: str) -> str:
    descriptor = ExpressionDescriptor(
        " ".join(fields), casing_type=CasingTypeEnum.Sentence, use_24hour_time_format=True
    )
    return str(descriptor.get_full_description())
