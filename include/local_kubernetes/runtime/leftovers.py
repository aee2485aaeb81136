"""Ending pods without a server: what ``stop-pods`` does."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

from . import control_group, volumes
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


def end_processes(place: Path) -> None:
    """Kill what still runs in a pod's directory. Quick if nothing does, which is the rule."""
    running = [attempt for attempt in _attempts(place.parent, place.name) if attempt.alive()]
    if running:
        _signal_until_gone(running, signal.SIGKILL, _LAST_KILL_SECONDS)
        sweep(place.name)


def remove_litter(place: Path, report: Callable[[str], None]) -> None:
    """Remove what an earlier server left of a pod that nobody knows any more, also processes without a keeper."""
    sweep(place.name)
    remove(place, report)


def remove(place: Path, report: Callable[[str], None]) -> None:
    """Remove everything of a pod that is in its directory; what cannot be removed is reported."""
    end_processes(place)
    control_group.remove(place)
    volumes.remove(place, report)


def _attempts(pods: Path, uid: str = "*") -> list[Attempt]:
    return [Attempt(lock.parent) for lock in pods.glob(f"{uid}/containers/*/*/lock")]


def _signal_until_gone(attempts: list[Attempt], number: int, seconds: float) -> None:
    for attempt in attempts:
        attempt.signal(number)
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(attempt.alive() for attempt in attempts):
        time.sleep(_POLL_SECONDS)
