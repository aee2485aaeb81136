"""One line of a container's log, as the kubelet writes it when it is asked for timestamps.

Source: https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/kuberuntime/logs/logs.go
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))")


def split_line(line: bytes) -> tuple[str, str]:
    """Return a line's moment and its text; the moment is empty where the line has none.

    A line without one is not the container's: the kubelet says in the middle of an answer with status 200 what keeps it
    from reading ("unable to retrieve container logs for containerd://…", "failed to watch file …").

    The moment is in UTC with nine digits, so that moments sort as texts: a node writes them in its own time zone.
    """
    text = line.decode(errors="backslashreplace")
    stamp, _, message = text.partition(" ")
    if (found := _STAMP.fullmatch(stamp)) is None:
        return "", text
    seconds, fraction, sign, hours, minutes = found.groups()
    try:
        if sign is not None:
            seconds = _in_utc(seconds, sign, timedelta(hours=int(hours), minutes=int(minutes)))
        else:
            datetime.fromisoformat(seconds)
    except (ValueError, OverflowError):  # no such day
        return "", text
    return f"{seconds}.{fraction or '':0<9}", message


def seconds_since(moment: str) -> float:
    """Return how long ago a moment of `split_line` was."""
    return (datetime.now(UTC) - datetime.fromisoformat(f"{moment[:26]}+00:00")).total_seconds()


def _in_utc(seconds: str, sign: str, offset: timedelta) -> str:
    there = datetime.fromisoformat(seconds)
    return (there - offset if sign == "+" else there + offset).isoformat()
