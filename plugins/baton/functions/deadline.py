"""Wait for an answer until a deadline, and take it when it lies there although the clock was looked at too late."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
LAST_LOOK_SECONDS = 0.5


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
