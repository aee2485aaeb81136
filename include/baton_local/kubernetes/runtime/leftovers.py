"""Ending pods without a server: what ``stop-pods`` does."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

from . import control_group
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


def remove_litter(place: Path) -> None:
    """End what runs in the directory of a pod that nobody knows any more, and remove it."""
    running = [attempt for attempt in _attempts(place.parent, place.name) if attempt.alive()]
    _signal_until_gone(running, signal.SIGKILL, _LAST_KILL_SECONDS)
    sweep(place.name)
    control_group.remove(place)
    shutil.rmtree(place, ignore_errors=True)


def _attempts(pods: Path, uid: str = "*") -> list[Attempt]:
    return [Attempt(lock.parent) for lock in pods.glob(f"{uid}/containers/*/*/lock")]


def _signal_until_gone(attempts: list[Attempt], number: int, seconds: float) -> None:
    for attempt in attempts:
        attempt.signal(number)
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(attempt.alive() for attempt in attempts):
        time.sleep(_POLL_SECONDS)
