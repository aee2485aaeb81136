"""How many calls are made at a time: as many as allowed, fewer while the gateway says that it has too much to do.

Why halve and creep (additive increase, multiplicative decrease): it finds the rate that a gateway takes without being
told, and several tasks that share a gateway end up with equal parts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Throttle:
    """At most `most` calls at a time.

    :param pause_seconds: how long nobody calls after a "too many requests" that names no time.
    """

    def __init__(self, most: int, pause_seconds: float = 0.2) -> None:
        self.most = most
        self.limit = float(most)
        self.in_flight = 0
        self._pause_seconds = pause_seconds
        self._open_at = 0.0
        self._slowed_at = float("-inf")
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait until a call may be made; it is made inside."""
        async with self._changed:
            while not self._is_open():
                await self._wait()
            self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            async with self._changed:
                self._changed.notify_all()

    def _is_open(self) -> bool:
        return self.in_flight < max(1, int(self.limit)) and time.monotonic() >= self._open_at

    async def _wait(self) -> None:
        closed_for = self._open_at - time.monotonic()
        if closed_for <= 0:
            await self._changed.wait()
            return
        try:
            async with asyncio.timeout(closed_for):
                await self._changed.wait()
        except TimeoutError:
            return

    def slow_down(self, retry_after_seconds: float | None, began: float) -> None:
        """Take note of a "too many requests".

        :param began: when that call was made (monotonic): those that were under way together count once.
        """
        now = time.monotonic()
        self._open_at = max(self._open_at, now + (retry_after_seconds or self._pause_seconds))
        if began > self._slowed_at:
            self._slowed_at = now
            self.limit = max(1.0, self.limit / 2)

    def speed_up(self) -> None:
        """Take note of a success."""
        self.limit = min(float(self.most), self.limit + 1 / self.limit)
