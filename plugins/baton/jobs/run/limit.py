"""A limit of time within another one: a step's own timeout, inside a task that has one too."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from baton.exceptions import TransientError


class StepTimeoutError(TransientError):
    """The step took longer than its timeout."""


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Raise in the block when it takes longer.

    Why the old timer is set again: a process has one, and Airflow's own limit of the task uses it.

    :raises StepTimeoutError: in the block.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        raise StepTimeoutError(f"it took longer than its timeout of {seconds:g} s")

    began = time.monotonic()
    outer_left, _ = signal.getitimer(signal.ITIMER_REAL)
    if outer_left and outer_left <= seconds:
        yield
        return
    handler = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if outer_left:
            signal.setitimer(signal.ITIMER_REAL, max(outer_left - (time.monotonic() - began), 0.001))
