"""Lengths of time in files that people write: `90s`, `10m`, `1h30m`, `7d`.

Kubernetes' own fields are read by `kubernetes_cron.durations`, which knows what Go knows: no days, but fractions.
"""

from __future__ import annotations

import re
from datetime import timedelta

from baton.exceptions import PermanentError

_WHOLE = re.compile(r"([0-9]+[smhd])+")
_PART = re.compile(r"([0-9]+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class DurationError(PermanentError):
    """A text is no length of time, or one that is of no use."""


def read_duration(text: str, longest: timedelta) -> timedelta:
    """The length of time.

    :param longest: what is longer would not fit a date, or is a slip.
    :raises DurationError: it is none, or longer.
    """
    if not _WHOLE.fullmatch(text):
        raise DurationError(f"{text[:80]!r} is no length of time such as 90s, 10m or 1h30m")
    seconds = sum(int(number.lstrip("0")[:20] or 0) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if seconds > longest.total_seconds():
        raise DurationError(f"{text[:80]} is longer than {longest.days} days")
    return timedelta(seconds=seconds)
