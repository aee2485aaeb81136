"""Reading container logs: parts of them, up to now or up to the container's end."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from .log_files import LogFiles, Position

_STAMP = re.compile(rb"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z ", re.MULTILINE)
_SHORTEST_POLL_SECONDS = 0.02
_MAX_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a log is wanted.

    :param since: Unix time; earlier lines are left out.
    :param tail: only so many lines from the end of what is there.
    :param running: what is written has no end yet, so that a last line without one is not shown.
    """

    timestamps: bool = False
    since: float | None = None
    tail: int | None = None
    limit_bytes: int | None = None
    running: bool = False


def note(path: Path, size: int = 4096) -> str:
    """The last bytes of a termination message file; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return file.read(size).decode(errors="replace")
    except OSError:
        return ""


def last_words(base: Path, lines: int = 80, size: int = 2048) -> str:
    """The end of a log without times, as ``FallbackToLogsOnError`` takes it."""
    files = LogFiles(base)
    content = b"".join(piece for piece, _ in files.read(files.tail(lines), whole=False))
    return _STAMP.sub(b"", content)[-size:].decode(errors="replace")


async def read(base: Path, selection: Selection, ended: asyncio.Event | None) -> AsyncIterator[bytes]:
    """A log's content in pieces; with ``ended`` also what is still to come, up to the container's end."""
    files, left = LogFiles(base), selection.limit_bytes
    async for piece in _follow(files, _start(files, selection), ended, running=selection.running):
        text = (piece if selection.timestamps else _STAMP.sub(b"", piece)).replace(b"\r\n", b"\n")
        if left is not None:
            text = text[:left]
            left -= len(text)
        if text:
            yield text
        if left == 0:
            return


def _start(files: LogFiles, selection: Selection) -> Position:
    starts = [Position(0, 0)]
    if selection.since is not None:
        starts.append(files.since(selection.since))
    if selection.tail is not None:
        starts.append(files.tail(selection.tail))
    return max(starts)


async def _follow(
    files: LogFiles, position: Position, ended: asyncio.Event | None, *, running: bool
) -> AsyncIterator[bytes]:
    """Whole lines from a position on; a piece without its end waits for it, unless the container has ended."""
    pause = _SHORTEST_POLL_SECONDS
    while True:
        last = ended is None or ended.is_set()
        for piece, after in files.read(position, whole=not last or (ended is None and running)):
            position, pause = after, _SHORTEST_POLL_SECONDS
            yield piece
            await asyncio.sleep(0)  # a long log must not keep others waiting
        if last or ended is None:
            return
        try:
            await asyncio.wait_for(ended.wait(), pause)
        except TimeoutError:
            pause = min(pause * 2, _MAX_POLL_SECONDS)
