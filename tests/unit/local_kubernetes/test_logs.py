"""Reading parts of a log, and writing it line by line."""

import asyncio
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton_local.kubernetes import clock, logs
from baton_local.kubernetes.runtime.log_writer import LogWriter

BASE = 1_700_000_000


def _stamp(second, nanoseconds=0):
    return f"{clock.seconds(BASE + second)[:-1]}.{nanoseconds:09d}Z "


def _write(path, lines):
    path.write_text("".join(f"{_stamp(second)}{line}\n" for second, line in lines))


async def _collect(path, selection=None, ended=None):
    return b"".join([piece async for piece in logs.read(path, selection or logs.Selection(), ended)]).decode()


@settings(max_examples=50, deadline=None)
@given(lines=st.lists(st.tuples(st.integers(0, 5), st.text("ab ", max_size=5)), max_size=12), since=st.integers(-1, 6),
       tail=st.integers(0, 14))  # fmt: skip
def test_since_and_tail_agree_with_the_plain_way(tmp_path_factory, lines, since, tail):
    """The search by halves and the reading from the end give what a simple filter gives."""
    lines = sorted(lines, key=lambda line: line[0])
    path = tmp_path_factory.mktemp("log") / "log"
    _write(path, lines)
    by_time = [line for second, line in lines if second >= since]
    by_number = [line for _, line in lines][len(lines) - min(tail, len(lines)) :]

    assert asyncio.run(_collect(path, logs.Selection(since=BASE + since))).split("\n")[:-1] == by_time
    assert asyncio.run(_collect(path, logs.Selection(tail=tail))).split("\n")[:-1] == by_number


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=8).map(lambda piece: piece.replace(b"\x00", b"\n")), max_size=10))
def test_what_is_written_in_pieces_is_read_whole(tmp_path_factory, pieces):
    """Any bytes, cut anywhere: the lines come back, the last one ended."""
    path = tmp_path_factory.mktemp("log") / "log"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    writer = LogWriter(descriptor)
    for piece in filter(None, pieces):
        writer.write(piece)
    writer.finish()
    os.close(descriptor)
    whole = b"".join(pieces)

    read = asyncio.run(_read_bytes(path))

    assert read == whole + (b"" if whole.endswith(b"\n") or not whole else b"\n")


async def _read_bytes(path):
    return b"".join([piece async for piece in logs.read(path, logs.Selection(), None)])


async def test_following_ends_after_the_last_line(tmp_path):
    """Also a line without end that was written just before the end."""
    path, ended = tmp_path / "log", asyncio.Event()

    async def write():
        for number in range(3):
            await asyncio.sleep(0.05)
            logs.write_line(path, f"line {number}")
        with path.open("a") as file:
            file.write(_stamp(10**8) + "half")
        ended.set()

    _, text = await asyncio.gather(write(), _collect(path, ended=ended))

    assert text == "line 0\nline 1\nline 2\nhalf"


async def test_a_log_that_never_came_is_empty(tmp_path):
    """A container that wrote nothing."""
    assert await _collect(tmp_path / "log") == ""


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_last_words_are_the_end_without_times(tmp_path, size):
    """At most 80 lines and 2048 bytes, as FallbackToLogsOnError has it."""
    path = tmp_path / "log"
    _write(path, [(second, f"line {second}") for second in range(size)])

    words = logs.last_words(path)

    expected = "".join(f"line {second}\n" for second in range(max(0, size - 80), size))
    assert words == expected[-2048:]


def test_finding_a_time_in_a_large_log_is_quick(tmp_path):
    """A poll of the last seconds must not read the whole log."""
    path = tmp_path / "log"
    _write(path, [(number // 100, "x" * 80) for number in range(200_000)])
    began = time.perf_counter()

    text = asyncio.run(_collect(path, logs.Selection(since=BASE + 1999)))

    assert len(text.splitlines()) == 100
    assert time.perf_counter() - began < 0.5
