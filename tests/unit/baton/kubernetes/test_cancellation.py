"""What ends a Job or a pod goes on when Airflow cancels it."""

import asyncio

import pytest

from baton.kubernetes.cancellation import shielded


async def test_work_goes_on_however_often_its_caller_is_cancelled():
    """Airflow cancels a trigger's on_kill at each beat."""
    begun, may_end, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work():
        begun.set()
        await may_end.wait()
        done.set()

    caller = asyncio.create_task(shielded(work()))
    await begun.wait()
    caller.cancel("user-action")
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_end.set()
    await asyncio.wait_for(done.wait(), 5)
