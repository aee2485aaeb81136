"""When a call is made again, and when it is not."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from baton.functions.call import OutcomeUnknownError, UnavailableError

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class CallRetries:
    """How long one task goes on trying before it gives up, and Airflow's own retries begin.

    :param attempts: how often a call may fail. Being told "not now" (429), or that nothing is there yet (502, 503, no
        connection), does not count: a cold start or a restart takes as long as it takes.
    :param seconds: for all attempts and the waiting between them.
    :param repeatable: whether the function knows a repeated call by its idempotency key, or does no harm when it runs
        twice. False: a call is repeated only where it surely has not run.
    """

    attempts: int = 4
    seconds: float = 300.0
    first_pause_seconds: float = 0.5
    max_pause_seconds: float = 30.0
    repeatable: bool = True

    async def call(self, send: Callable[[], Awaitable[T]]) -> T:
        """Call until there is a reply.

        :raises OutcomeUnknownError: it may have run, and is not repeatable.
        :raises RefusedError: a repetition is useless.
        :raises UnavailableError: its retries are used up.
        """
        deadline, failed, refused = time.monotonic() + self.seconds, 0, 0
        while True:
            try:
                return await send()
            except UnavailableError as err:
                told_to_wait = err.throttled or err.unready
                failed, refused = failed + (not told_to_wait), refused + told_to_wait
                pause = self.pause_seconds(err, failed, refused)
                if pause is None or time.monotonic() + pause > deadline:
                    raise self._end(err) from None
                log.warning("%s; again in %.1f s", err, pause)
                await asyncio.sleep(pause)

    def pause_seconds(self, err: UnavailableError, failed: int, refused: int = 0) -> float | None:
        """Return how long to wait; None: not to try again.

        :param refused: how often it was told "not now"; each time it waits longer, as after a failure.
        """
        if (err.may_have_run and not self.repeatable) or failed >= self.attempts:
            return None
        if err.retry_after_seconds is not None and not err.unready:
            return err.retry_after_seconds
        doubled = min(max(failed + refused - 1, 0), 30)
        pause = min(self.first_pause_seconds * 2.0**doubled, self.max_pause_seconds)
        pause *= random.uniform(0.5, 1.0)  # noqa: S311  (spreads callers, guards nothing)
        return max(pause, err.retry_after_seconds or 0.0)  # told to come back at once, we still do not hammer

    def _end(self, err: UnavailableError) -> Exception:
        if err.may_have_run and not self.repeatable:
            return OutcomeUnknownError(f"{err}. It may have run: look at the function's log before you clear the task")
        return err
