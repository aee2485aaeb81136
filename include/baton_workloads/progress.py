"""Progress of long work: a line on stderr every few seconds, with rows, rows per second and percent."""

import sys
import threading
import time

EVERY_SECONDS = 3.0


class Progress:
    """Count rows of one piece of work and say now and then how far it is.

    :param what: what is being done to what, for example ``export customers``.
    :param total: expected rows; an estimate is fine, 0 or less when unknown.
    """

    def __init__(self, what: str, total: int = 0) -> None:
        self._what = what
        self._total = total
        self._rows = 0
        self._started = self._said = time.monotonic()
        self._lock = threading.Lock()

    def add(self, rows: int) -> None:
        """Count rows that are done; may be called from any thread."""
        with self._lock:
            self._rows += rows
            now = time.monotonic()
            if now - self._said >= EVERY_SECONDS:
                self._said = now
                say(self._line(now))

    def _line(self, now: float) -> str:
        speed = self._rows / max(now - self._started, 1e-9)
        percent = f" {min(99, 100 * self._rows // self._total)} %" if self._total > 0 else ""
        return f"{self._what}: {self._rows} rows, {speed:.0f} rows/s{percent}"


def say(line: str) -> None:
    """Write one line for people to stderr."""
    print(line, file=sys.stderr, flush=True)
