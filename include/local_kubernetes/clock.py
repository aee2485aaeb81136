"""Times as Kubernetes writes them: UTC, RFC 3339."""

import time
from datetime import UTC, datetime


def unix() -> float:
    """Unix seconds, read here and nowhere else, so that tests can run controllers on a clock of theirs."""
    return time.time()


def now() -> str:
    """This second, as ``2026-01-31T12:00:00Z`` (metav1.Time)."""
    return seconds(unix())


def now_micro() -> str:
    """This microsecond, as ``2026-01-31T12:00:00.000000Z`` (metav1.MicroTime)."""
    return datetime.fromtimestamp(unix(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds(unix_seconds: float) -> str:
    """A Unix time as metav1.Time; parts of a second are cut, as the real server does."""
    return datetime.fromtimestamp(int(unix_seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(whole_seconds: float) -> str:
    """A length of time as Go writes it: ``10s``, ``1m20s``, ``5m0s``."""
    minutes, rest = divmod(int(whole_seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def parse(text: str) -> float:
    """The Unix time of an RFC 3339 text.

    :raises ValueError: the text is no RFC 3339 time.
    """
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
