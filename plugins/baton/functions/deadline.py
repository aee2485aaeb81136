"""Wait for an answer until a deadline, and take it when it lies there although the clock was looked at too late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
LAST_LOOK_SECONDS = 0.5
LOST_SECONDS = 5.0
"""How long a posted answer is waited for after the connection was cut before the call was accepted."""
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.2, 2.0


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Do a piece of work; returns what it returns.

    Why not `asyncio.timeout`: in a process that was stopped or busy past the deadline, the timer fires together with
    the arrival of an answer that came in time, and wins.

    :raises TimeoutError: it is not done by then, and what has arrived does not end it either.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            done, _ = await asyncio.wait({task}, timeout=LAST_LOOK_SECONDS)
        if not done:
            raise TimeoutError
        return task.result()
    finally:
        await _end(task)


async def _end(task: asyncio.Task[T]) -> None:
    """Cancel what is under way and wait until it has closed its connection."""
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def look_until_there(look: Callable[[], Awaitable[T | None]], seconds: float) -> T | None:
    """Look for something until it is there; None at the end of the time.

    The last look is begun after it: whoever was kept from looking in time finds what came in time.
    """
    deadline, pause = time.monotonic() + seconds, FIRST_PAUSE_SECONDS
    while True:
        left = deadline - time.monotonic()
        if (found := await look()) is not None or left <= 0:
            return found
        await asyncio.sleep(min(pause, max(0.0, left)))
        pause = min(pause * 1.5, MAX_PAUSE_SECONDS)
