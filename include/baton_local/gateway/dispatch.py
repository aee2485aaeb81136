"""Make the queued calls and deliver their answers."""

from __future__ import annotations

import asyncio
import logging
import time

import aiohttp

from baton_local.gateway.call_queue import Answered, CallQueue, QueuedCall
from baton_local.gateway.pool import Answer, Pool

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.2, 10.0
GIVE_UP_SECONDS = 3600.0
"""A callback that nobody took for so long is dropped, with a line in the log."""


class Dispatcher:
    """For each function as many calls at a time as it may have processes."""

    def __init__(self, queue: CallQueue, pools: dict[str, Pool]) -> None:
        self._queue, self._pools = queue, pools
        self._news = {name: asyncio.Event() for name in pools}
        self._taken = dict.fromkeys(pools, 0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Take up what an earlier process left, and what comes."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        for answered in self._queue.answered():
            self._spawn(self._deliver(answered))
        for name, pool in self._pools.items():
            for _ in range(pool.function.max_inflight):
                self._spawn(self._work(name))

    def wake(self, function: str) -> None:
        """Say that a call of this function was queued."""
        self._news[function].set()

    async def stop(self) -> None:
        """Stop; what was not delivered is still on disk."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, function: str) -> None:
        while True:
            call = self._queue.next(function, self._taken[function])
            if call is None:
                self._news[function].clear()
                await self._news[function].wait()
                continue
            self._taken[function] = call.number
            await self._make(call)

    async def _make(self, call: QueuedCall) -> None:
        began = time.monotonic()
        answer = await self._pools[call.function].invoke(call.request, wait=True)
        done = Answered(call, answer, time.monotonic() - began)
        self._queue.record(done)
        if call.callback_url:
            self._spawn(self._deliver(done))

    async def _deliver(self, done: Answered) -> None:
        pause, deadline = FIRST_PAUSE_SECONDS, time.monotonic() + GIVE_UP_SECONDS
        while not await self._post(done):
            if time.monotonic() > deadline:
                log.error("callback of call %s was not taken for an hour and is dropped", done.call.call_id)
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
        self._queue.remove(done.call.number)

    async def _post(self, done: Answered) -> bool:
        """Post a callback; whether there is nothing left to do: it was taken, or will never be."""
        if self._session is None or done.call.callback_url is None:
            return True
        headers = callback_headers(done)
        try:
            async with self._session.post(done.call.callback_url, data=done.answer.body, headers=headers) as response:
                if 400 <= response.status < 500 and response.status not in (408, 425, 429):
                    log.error("callback of call %s was refused with %d", done.call.call_id, response.status)
                    return True
                return response.status < 300
        except (aiohttp.ClientError, TimeoutError, ValueError) as err:
            log.warning("callback of call %s: %s", done.call.call_id, type(err).__name__)
            return False


def callback_headers(done: Answered) -> dict[str, str]:
    """The headers with which OpenFaaS posts an answer."""
    answer: Answer = done.answer
    kind = next((value for name, value in answer.headers.items() if name.lower() == "content-type"), "text/plain")
    return {
        "Content-Type": kind,
        "X-Call-Id": done.call.call_id,
        "X-Function-Name": done.call.function,
        "X-Function-Status": str(answer.status),
        "X-Duration-Seconds": f"{done.seconds:.6f}",
    }
