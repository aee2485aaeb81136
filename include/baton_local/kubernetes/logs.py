"""Container logs on disk: ``<RFC 3339 time with nanoseconds> <line>``, which is also what ``timestamps=true`` sends."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from . import clock

STAMP_LENGTH = len("2026-01-31T12:00:00.000000000Z ")
_STAMP = re.compile(rb"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z ", re.MULTILINE)
_CHUNK = 1 << 18
_SHORTEST_POLL_SECONDS = 0.02
_LONGEST_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a log is wanted.

    :param since: Unix time; earlier lines are left out.
    :param tail: only so many lines from the end of what is there.
    """

    timestamps: bool = False
    since: float | None = None
    tail: int | None = None
    limit_bytes: int | None = None


def write_line(path: Path, line: str) -> None:
    """Add a line of the server's own to a log."""
    nanoseconds = time.time_ns()
    stamp = clock.seconds(nanoseconds / 1e9)[:-1] + f".{nanoseconds % 1_000_000_000:09d}Z "
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(f"{stamp}{line}\n")


def head(path: Path, size: int = 4096) -> str:
    """The first bytes of a termination message file; empty if there is none."""
    try:
        with path.open("rb") as file:
            return file.read(size).decode(errors="replace")
    except OSError:
        return ""


def last_words(path: Path, lines: int = 80, size: int = 2048) -> str:
    """The end of a log without times, as ``FallbackToLogsOnError`` takes it."""
    try:
        with path.open("rb") as file:
            start = _tail_offset(file, lines)
            file.seek(start)
            plain = _STAMP.sub(b"", file.read())
    except OSError:
        return ""
    return plain[-size:].decode(errors="replace")


async def read(path: Path, selection: Selection, ended: asyncio.Event | None) -> AsyncIterator[bytes]:
    """A log's content in pieces; with ``ended`` also what is still to come, up to the container's end."""
    left = selection.limit_bytes
    async for piece in _follow(path, _start(path, selection), ended):
        text = piece if selection.timestamps else _STAMP.sub(b"", piece)
        if left is not None:
            text = text[:left]
            left -= len(text)
        if text:
            yield text
        if left == 0:
            return


def _start(path: Path, selection: Selection) -> int:
    try:
        with path.open("rb") as file:
            start = 0 if selection.since is None else _since_offset(file, selection.since)
            return start if selection.tail is None else max(start, _tail_offset(file, selection.tail))
    except FileNotFoundError:
        return 0


def _since_offset(file: BinaryIO, since: float) -> int:
    """Where the lines from a time on begin. Lines are in order of time, so the log is searched by halves."""
    wanted = clock.seconds(since)[:-1].encode() + b".%09dZ " % int(since % 1 * 1e9)
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


def _tail_offset(file: BinaryIO, lines: int) -> int:
    end = file.seek(0, os.SEEK_END)
    if lines <= 0:
        return end
    position, data = end, b""
    while position > 0 and data.count(b"\n") <= lines:
        step = min(_CHUNK, position)
        position -= step
        file.seek(position)
        data = file.read(step) + data
    body = data.removesuffix(b"\n")
    at = len(body)
    for _ in range(lines):
        at = body.rfind(b"\n", 0, at)
        if at < 0:
            return position
    return position + at + 1


async def _follow(path: Path, start: int, ended: asyncio.Event | None) -> AsyncIterator[bytes]:
    """Whole lines from an offset on; a piece without its end waits for it, unless the container has ended."""
    position, pause = start, _SHORTEST_POLL_SECONDS
    while True:
        last = ended is None or ended.is_set()
        for piece in _lines(path, position, whole=not last):
            position += len(piece)
            pause = _SHORTEST_POLL_SECONDS
            yield piece
        if last or ended is None:
            return
        try:
            await asyncio.wait_for(ended.wait(), pause)
        except TimeoutError:
            pause = min(pause * 2, _LONGEST_POLL_SECONDS)


def _lines(path: Path, position: int, *, whole: bool) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(position)
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
