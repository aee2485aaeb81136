"""A container's log on disk: numbered files, ``log.0``, ``log.1``, …, each made of whole lines.

A line is ``<RFC 3339 time with nanoseconds> <text>``, which is also what ``timestamps=true`` sends. The writer begins
the next file when one is full and removes the oldest when there are too many; whoever reads goes from file to file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from . import clock

STAMP_LENGTH = len("2026-01-31T12:00:00.000000000Z ")
_CHUNK = 1 << 18


class Position(NamedTuple):
    """A place in a log, ordered from its beginning to its end."""

    number: int
    offset: int


class LogFiles:
    """The files of one run's log. None of them needs to exist yet.

    :param base: their path without the number.
    """

    def __init__(self, base: Path) -> None:
        self._base = base

    def numbers(self) -> list[int]:
        """The numbers of the files that are there, in order."""
        prefix = self._base.name + "."
        try:
            names = os.listdir(self._base.parent)
        except FileNotFoundError:
            return []
        found = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
        return sorted(int(number) for number in found if number.isdigit())

    def path(self, number: int) -> Path:
        """Where a file is, or would be."""
        return self._base.with_name(f"{self._base.name}.{number}")

    def newest(self) -> Path:
        """The file that is written to."""
        return self.path(max(self.numbers(), default=0))

    def since(self, unix_seconds: float) -> Position:
        """Where the lines from a time on begin. Lines are in order of time, so files are searched by halves."""
        wanted = clock.seconds(unix_seconds)[:-1].encode() + b".%09dZ " % int(unix_seconds % 1 * 1e9)
        first = Position(0, 0)
        for number, file in self._from_newest():
            stamp = file.read(STAMP_LENGTH)
            if len(stamp) == STAMP_LENGTH and stamp < wanted:
                return Position(number, _since_offset(file, wanted))
            first = Position(number, 0)
        return first

    def tail(self, lines: int) -> Position:
        """Where the last ``lines`` lines begin."""
        first = Position(0, 0)
        for number, file in self._from_newest():
            offset, found = _tail_offset(file, lines)
            first = Position(number, offset)
            lines -= found
            if lines <= 0:
                break
        return first

    def read(self, position: Position, *, whole: bool) -> Iterator[tuple[bytes, Position]]:
        """Lines from a position to the end of what is there, in pieces, each with the position after it.

        :param whole: leave out a last line that has no end yet.
        """
        while True:
            # Looked up first: what is written after that to the file that is read now must not be passed over.
            following = next((number for number in self.numbers() if number > position.number), None)
            for piece in self._lines(position, whole=whole and following is None):
                position = Position(position.number, position.offset + len(piece))
                yield piece, position
            if following is None:
                return
            position = Position(following, 0)

    def _from_newest(self) -> Iterator[tuple[int, BinaryIO]]:
        for number in reversed(self.numbers()):
            try:
                with self.path(number).open("rb") as file:
                    yield number, file
            except FileNotFoundError:  # the writer has just removed it, and with it all older ones
                return

    def _lines(self, position: Position, *, whole: bool) -> Iterator[bytes]:
        try:
            with self.path(position.number).open("rb") as file:
                file.seek(position.offset)
                rest = b""
                while data := file.read(_CHUNK):
                    data = rest + data
                    cut = data.rfind(b"\n") + 1
                    rest = data[cut:]
                    if cut:
                        yield data[:cut]
                if rest and not whole:
                    yield rest
        except FileNotFoundError:
            return


def _since_offset(file: BinaryIO, wanted: bytes) -> int:
    low, high = 0, os.fstat(file.fileno()).st_size
    while low < high:
        middle = (low + high) // 2
        offset, stamp = _line_at(file, middle)
        if stamp is None or stamp >= wanted:
            high = middle
        else:
            low = max(middle + 1, offset + 1)
    return _line_at(file, low)[0]


def _line_at(file: BinaryIO, offset: int) -> tuple[int, bytes | None]:
    """The first line that begins at or after an offset, and its time."""
    if offset:
        file.seek(offset - 1)
        file.readline()
    else:
        file.seek(0)
    begin = file.tell()
    stamp = file.read(STAMP_LENGTH)
    return begin, stamp if len(stamp) == STAMP_LENGTH else None


def _tail_offset(file: BinaryIO, lines: int) -> tuple[int, int]:
    """Where the last ``lines`` lines of a file begin, and how many there are, if fewer."""
    end = file.seek(0, os.SEEK_END)
    if lines <= 0 or end == 0:
        return end, 0
    position, data = end, b""
    while position > 0 and data.count(b"\n") <= lines:
        step = min(_CHUNK, position)
        position -= step
        file.seek(position)
        data = file.read(step) + data
    at = len(data.removesuffix(b"\n"))
    for found in range(lines):
        at = data.rfind(b"\n", 0, at)
        if at < 0:
            return position, found + 1
    return position + at + 1, lines
