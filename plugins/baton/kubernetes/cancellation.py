"""End in the cluster what a task ran there, when somebody marks, clears or cancels the task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from airflow.triggers.base import TriggerEvent

from baton.airflow_internals.callback_event import callback_event

log = logging.getLogger(__name__)

Work = Coroutine[Any, Any, None]

_GOING_ON: set[asyncio.Task[None]] = set()
"""The event loop itself holds its tasks only weakly."""


async def shielded(work: Work) -> None:
    """Do something that goes on when the caller is cancelled.

    Why: Airflow 3.3.2 cancels a trigger again at each beat of its loop until the trigger is gone, and with it the
    `on_kill` that runs there: what takes longer than one beat was never done.
    Source: `TriggerRunnerSupervisor.cancelling_triggers`, which each answer to the runner repeats.
    """
    task = asyncio.create_task(work)
    _GOING_ON.add(task)
    task.add_done_callback(_GOING_ON.discard)
    await asyncio.shield(task)


async def ended(work: Work) -> TriggerEvent:
    """Do the work of a trigger that belongs to a callback; returns its event.

    See `baton.airflow_internals.abandoned_triggers`.

    Why each error becomes an event: such a trigger, when it raises, is started again each second.
    """
    try:
        await work
    except Exception as err:
        log.exception("What a task left in the cluster could not be ended: look at it there, and delete it")
        return callback_event(f"{type(err).__name__}: {err}")
    return callback_event()
