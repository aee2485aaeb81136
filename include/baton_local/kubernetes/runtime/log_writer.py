"""The writing end of a container's log: ``<RFC 3339 time with nanoseconds> <line>``."""

from __future__ import annotations

import os
import sys
import time

CHUNK = 1 << 16


class LogWriter:
    """Puts the time before each line; a line may come in pieces and is written as it comes."""

    def __init__(self, log: int) -> None:
        self._log = log
        self._at_line_start = True

    def copy(self, source: int) -> bool:
        """Copy what is there; False at the end of the output."""
        data = os.read(source, CHUNK)
        if data:
            self.write(data)
        return bool(data)

    def write(self, data: bytes) -> None:
        """Write a piece of output. All lines of one piece get the time it was read."""
        stamp = _stamp()
        ends = data.endswith(b"\n")
        body = (data[:-1] if ends else data).replace(b"\n", b"\n" + stamp)
        head = stamp if self._at_line_start else b""
        self._put(head + body + (b"\n" if ends else b""))
        self._at_line_start = ends

    def finish(self) -> None:
        """End the last line."""
        if not self._at_line_start:
            self._put(b"\n")
            self._at_line_start = True

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._log, view) :]
        except OSError as err:  # a full disk must not end the container
            print(f"log not written: {err}", file=sys.stderr)


def _stamp() -> bytes:
    nanoseconds = time.time_ns()
    parts = time.gmtime(nanoseconds // 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', parts)}.{nanoseconds % 1_000_000_000:09d}Z ".encode()
