"""The server's end of the process that starts containers."""

import asyncio
import os
import signal

import psutil
import pytest

from local_kubernetes.runtime.launcher import Launcher


@pytest.fixture
async def launcher():
    """One that runs; a directory without a plan makes its shims end at once, which is an answer."""
    made = Launcher()
    await made.start()
    yield made
    await made.stop()


def forkers():
    """The processes that start containers."""
    return [child for child in psutil.Process().children() if "forker" in " ".join(child.cmdline())]


async def test_what_a_dying_forker_left_is_started_by_the_next_one(launcher, tmp_path):
    """Neither the request that it had not read yet fails nor those that come after it."""
    [first] = forkers()
    os.kill(first.pid, signal.SIGSTOP)
    asked = [asyncio.create_task(launcher.launch(tmp_path)) for _ in range(3)]
    await asyncio.sleep(0)
    os.kill(first.pid, signal.SIGKILL)
    await asyncio.wait_for(asyncio.gather(*asked, launcher.launch(tmp_path)), 30)
    assert [child.pid for child in forkers()] != [first.pid]


async def test_many_deaths_fail_no_request(launcher, tmp_path):
    """The end of a forker's output and its exit code become known in any order."""
    for _ in range(10):
        for child in forkers():
            child.kill()
        await asyncio.wait_for(launcher.launch(tmp_path), 30)
