"""The prompt triggerer, run as Airflow runs it, against a supervisor that counts."""

import asyncio
import time

import pytest
from airflow.jobs.triggerer_job_runner import messages
from airflow.triggers.base import BaseTrigger, TriggerEvent

from baton.airflow_internals import prompt_triggerer
from baton.airflow_internals.prompt_triggerer import PromptTriggerRunner

pytestmark = pytest.mark.timeout(20)


class AtOnce(BaseTrigger):
    """Fires immediately."""

    def serialize(self):
        return ("", {})

    async def run(self):
        yield TriggerEvent("done")


class Supervisor:
    """The other side: takes news and notes when they came."""

    def __init__(self):
        self.events = []
        self.requests = 0
        self.failure = None
        self._reader_task = asyncio.get_running_loop().create_future()

    async def asend(self, message):
        self.requests += 1
        if self.failure and message.events:
            raise self.failure
        self.events += [(time.monotonic(), entry.trigger_id) for entry in message.events or ()]
        return messages.TriggerStateSync(to_create=[], to_cancel=set())


@pytest.fixture
async def runner(monkeypatch):
    """A runner whose loop runs, without the pipe to a real supervisor."""
    runner = PromptTriggerRunner()

    async def connect():
        runner.comms_decoder = Supervisor()

    monkeypatch.setattr(runner, "init_comms", connect)
    runner.loop = loop = asyncio.create_task(runner.arun())
    await asyncio.sleep(0.1)
    yield runner
    runner._handle_signal(None, None)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


def start(runner, trigger):
    runner.triggers[1] = {"name": "t", "events": 0, "is_watcher": False, "task": None}
    runner.triggers[1]["task"] = asyncio.create_task(runner.run_trigger(1, trigger))


async def test_event_is_handed_over_at_once(runner):
    """Not at the next beat of the stock loop, a second later."""
    began = time.monotonic()
    start(runner, AtOnce())
    await asyncio.sleep(0.3)
    [(handed_over, trigger_id)] = runner.comms_decoder.events
    assert trigger_id == 1
    assert handed_over - began < 0.3


async def test_idle_triggerer_keeps_the_slow_beat(runner):
    """Without triggers it costs what the stock one costs."""
    before = runner.comms_decoder.requests
    await asyncio.sleep(1.5)
    assert runner.comms_decoder.requests - before <= 2


async def test_busy_triggerer_looks_for_new_triggers_often(runner, monkeypatch):
    """A short pod is watched before it has ended."""
    monkeypatch.setattr(prompt_triggerer, "TICK_SECONDS", 0.05)
    start(runner, AtOnce())
    await asyncio.sleep(0.3)
    before = runner.comms_decoder.requests
    await asyncio.sleep(0.5)
    assert runner.comms_decoder.requests - before >= 5


async def test_exchange_that_fails_ends_the_triggerer(runner):
    """As the stock loop's own does: the event went along with it, and only a new process runs its trigger again."""
    runner.comms_decoder.failure = ValueError("an answer that nobody can read")
    start(runner, AtOnce())
    done, _ = await asyncio.wait([runner.loop], timeout=5)
    assert done
    assert runner.loop.exception() is runner.comms_decoder.failure
    assert runner.stop


@pytest.mark.parametrize("step", ["create_triggers", "cancel_triggers"])
async def test_faster_loop_that_fails_ends_the_triggerer(runner, monkeypatch, step):
    """It never goes on with one loop of two, silently."""
    failure = RuntimeError("a fault")
    stock = getattr(runner, step)

    async def fail_once():
        if asyncio.current_task() is not runner.loop:
            raise failure
        return await stock()

    monkeypatch.setattr(runner, step, fail_once)
    start(runner, AtOnce())
    await asyncio.wait([runner.loop], timeout=5)
    assert runner.loop.exception() is failure
