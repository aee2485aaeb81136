"""Connections that the steps of one task share: opened when the first one asks, closed when the last one has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, ExitStack
from typing import Any


class Opened:
    """What is open, by name. Threads may ask at the same time."""

    def __init__(self) -> None:
        self._stack, self._things = ExitStack(), dict[Hashable, Any]()
        self._lock = threading.Lock()

    def get(self, name: Hashable, make: Callable[[], AbstractContextManager[Any]]) -> Any:
        """What is open by this name; it is opened where nothing is."""
        with self._lock:
            if name not in self._things:
                self._things[name] = self._stack.enter_context(make())
            return self._things[name]

    def close(self) -> None:
        """Close all of it."""
        with self._lock:
            self._things.clear()
            self._stack.close()
