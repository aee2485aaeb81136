"""Wait for a condition."""

import time
from collections.abc import Callable

import pytest


def until(condition: Callable[[], bool], timeout_seconds: float = 30) -> None:
    """Ask until the answer is yes; fails the test after the time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout_seconds} s")
        time.sleep(0.02)
