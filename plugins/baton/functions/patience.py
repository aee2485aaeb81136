"""When a call is made again, and when it is not."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from baton.exceptions import TransientError
from baton.functions.call import OutcomeUnknownError, UnavailableError

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long one task goes on trying before it gives up, and Airflow's own retries begin.

    :param attempts: how often a call may fail; being told "not now" (429) does not count.
    :param seconds: for all attempts and the waiting between them.
    :param repeatable: whether the function knows a repeated call by its idempotency key, or does no harm when it runs
        twice. False: a call is repeated only where it surely has not run.
    """

    attempts: int = 4
    seconds: float = 300.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0
    repeatable: bool = True

    async def call(self, send: Callable[[], Awaitable[T]]) -> T:
        """Call until there is a reply.

        :raises OutcomeUnknownError: it may have run, and is not repeatable.
        :raises RefusedError: a repetition is useless.
        :raises TransientError: patience is at its end.
        """
        deadline, failed, refused = time.monotonic() + self.seconds, 0, 0
        while True:
            try:
                return await send()
            except UnavailableError as err:
                failed += not err.throttled
                refused += err.throttled
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
        if err.retry_after_seconds is not None:
            return err.retry_after_seconds
        doubled = min(max(failed + refused - 1, 0), 30)
        pause = min(self.first_pause_seconds * 2.0**doubled, self.longest_pause_seconds)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311  (spreads callers, guards nothing)

    def _end(self, err: UnavailableError) -> Exception:
        if err.may_have_run and not self.repeatable:
            return OutcomeUnknownError(f"{err}. It may have run: look at the function's log before you clear the task")
        return TransientError(str(err))
