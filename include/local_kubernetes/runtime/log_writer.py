"""The writing end of a container's log: ``<RFC 3339 time with nanoseconds> <line>`` in numbered files."""

from __future__ import annotations

import contextlib
import os
import sys
import time

CHUNK = 1 << 16


class LogWriter:
    """Puts the time before each line; a line may come in pieces and is written as it comes.

    :param base: the files' path without their number.
    :param file_bytes: a file that has so many is followed by the next one, at a line's end. A line that goes on for as
     much again is cut in two.
    :param files: so many are kept.
    """

    def __init__(self, base: str, file_bytes: int, files: int) -> None:
        self._base = base
        self._file_bytes = file_bytes
        self._files = files
        self._at_line_start = True
        self._number = 0
        self._size = 0
        self._log = self._open(0)

    def copy(self, source: int) -> bool:
        """Copy what is there; False at the end of the output."""
        data = os.read(source, CHUNK)
        if data:
            self.write(data)
        return bool(data)

    def write(self, data: bytes) -> None:
        """Write a piece of output. All lines of one piece get the time it was read."""
        if self._size >= self._file_bytes:
            data = self._end_file(data)
        if data:
            self._append(data)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._log)

    def _end_file(self, data: bytes) -> bytes:
        """Go on with the next file as soon as a line ends; returns what is still to be written."""
        if not self._at_line_start:
            end = data.find(b"\n") + 1 or len(data)
            self._append(data[:end])
            data = data[end:]
        if self._size >= 2 * self._file_bytes and not self._at_line_start:
            self._put(b"\n")
            self._at_line_start = True
        if self._at_line_start:
            self._begin_file()
        return data

    def _begin_file(self) -> None:
        try:
            log = self._open(self._number + 1)
        except OSError as err:
            print(f"log goes on in the same file: {err}", file=sys.stderr)
            return
        os.close(self._log)
        self._log, self._size = log, 0
        self._number += 1
        with contextlib.suppress(OSError):
            os.unlink(f"{self._base}.{self._number - self._files}")

    def _open(self, number: int) -> int:
        return os.open(f"{self._base}.{number}", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def _append(self, data: bytes) -> None:
        stamp = _stamp()
        ends = data.endswith(b"\n")
        body = (data[:-1] if ends else data).replace(b"\n", b"\n" + stamp)
        head = stamp if self._at_line_start else b""
        self._put(head + body + (b"\n" if ends else b""))
        self._at_line_start = ends

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        self._size += len(data)
        try:
            while view:
                view = view[os.write(self._log, view) :]
        except OSError as err:  # a full disk must not end the container
            print(f"log not written: {err}", file=sys.stderr)


def _stamp() -> bytes:
    nanoseconds = time.time_ns()
    parts = time.gmtime(nanoseconds // 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', parts)}.{nanoseconds % 1_000_000_000:09d}Z ".encode()
