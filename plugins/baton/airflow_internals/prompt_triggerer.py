"""A triggerer that does not sleep on finished triggers.

Airflow's triggerer hands events over, and takes new triggers, once a second: between two pods that costs a second in
the middle, and a short pod has ended before anybody watches it. Both is fine for sensors that wait for hours. Switched
on with the setting `prompt_triggerer`; without it nothing is changed.

Violated when an upgrade of Airflow renames what is overridden here: a test runs the real loop and fails then.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from airflow.jobs.triggerer_job_runner import TriggerRunner

TICK_SECONDS = 0.2
"""Between two looks for new triggers while there is work."""
BUSY_SECONDS = 60
"""How long after the last trigger there is still said to be work."""


class PromptTriggerRunner(TriggerRunner):
    """Exchange news with the database's side when there are some, not only once a second."""

    _last_trigger = float("-inf")

    async def arun(self) -> None:
        """Run the stock loop, and beside it a faster one while there is work."""
        ticks = asyncio.create_task(self._tick())
        try:
            await super().arun()  # type: ignore[no-untyped-call]
        finally:
            ticks.cancel()

    async def run_trigger(self, *arguments: Any, **options: Any) -> None:
        """Run a trigger and hand its event over at once."""
        self._last_trigger = time.monotonic()
        await super().run_trigger(*arguments, **options)
        await self.sync_state_to_supervisor([])

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if self.triggers:
                self._last_trigger = time.monotonic()
            if time.monotonic() - self._last_trigger < BUSY_SECONDS:
                await self.sync_state_to_supervisor([])
                await self.create_triggers()  # type: ignore[no-untyped-call]
                await self.cancel_triggers()  # type: ignore[no-untyped-call]
