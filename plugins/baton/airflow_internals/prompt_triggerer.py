"""A triggerer that does not sleep on finished triggers.

Airflow's triggerer hands events over, and takes new triggers, once a second: between two pods that costs a second in
the middle, and a short pod has ended before anybody watches it. Both is fine for sensors that wait for hours. Switched
on with the setting `prompt_triggerer`; without it nothing is changed.

Violated when an upgrade of Airflow renames what is overridden here: a test runs the real loop and fails then.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from airflow.jobs.triggerer_job_runner import TriggerRunner

TICK_SECONDS = 0.2
"""Between two looks for new triggers while there is work."""
BUSY_SECONDS = 60
"""How long after the last trigger there is still said to be work."""


class PromptTriggerRunner(TriggerRunner):
    """Exchange news with the database's side when there are some, not only once a second.

    Why one task does it: an exchange that fails has taken the events along. The stock loop ends with the process then,
    and the triggers run again in the next one; so it ends here too, whichever of both loops has failed.
    """

    _last_trigger = float("-inf")
    _ticks: asyncio.Task[None] | None = None

    async def arun(self) -> None:
        """Run the stock loop, and beside it a faster one while there is work."""
        self._has_news = asyncio.Event()
        self._ticks = asyncio.create_task(self._tick())
        try:
            await super().arun()  # type: ignore[no-untyped-call]
        finally:
            self._ticks.cancel()

    async def cleanup_finished_triggers(self) -> list[int]:
        """Begin the stock loop's round: with the faster loop's error, if it has one."""
        if self._ticks is not None and self._ticks.done() and not self._ticks.cancelled():
            self._ticks.result()
        finished: list[int] = await super().cleanup_finished_triggers()
        return finished

    async def run_trigger(self, *arguments: Any, **options: Any) -> None:
        """Run a trigger and hand its event over at once."""
        self._last_trigger = time.monotonic()
        await super().run_trigger(*arguments, **options)
        self._has_news.set()

    async def _tick(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_news.wait(), TICK_SECONDS)
            self._has_news.clear()
            if self.triggers:
                self._last_trigger = time.monotonic()
            if time.monotonic() - self._last_trigger < BUSY_SECONDS:
                await self.sync_state_to_supervisor([])
                await self.create_triggers()  # type: ignore[no-untyped-call]
                await self.cancel_triggers()  # type: ignore[no-untyped-call]
