"""Ending pods without a server: what ``stop-pods`` does."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from .attempt import Attempt
from .processes import sweep

_POLL_SECONDS = 0.05
_LAST_KILL_SECONDS = 5.0


def stop_pods(state: Path, grace_seconds: float) -> int:
    """End every container of a state directory: SIGTERM, after the grace SIGKILL. Returns how many there were.

    The next server finds their exit codes, as if they had ended by themselves.
    """
    running = [attempt for attempt in _attempts(state / "pods") if attempt.alive()]
    _signal_until_gone(running, signal.SIGTERM, grace_seconds)
    _signal_until_gone(running, signal.SIGKILL, _LAST_KILL_SECONDS)
    for directory in (state / "pods").glob("*"):
        sweep(directory.name)
    return len(running)


def _attempts(pods: Path) -> list[Attempt]:
    return [Attempt(lock.parent) for lock in pods.glob("*/containers/*/*/lock")]


def _signal_until_gone(attempts: list[Attempt], number: int, seconds: float) -> None:
    for attempt in attempts:
        attempt.signal(number)
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(attempt.alive() for attempt in attempts):
        time.sleep(_POLL_SECONDS)
