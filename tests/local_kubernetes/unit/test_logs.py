"""Reading parts of a log, and writing it line by line."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_kubernetes import clock, logs
from local_kubernetes.runtime.log_writer import LogWriter

BASE = 1_700_000_000


def _stamp(second, nanoseconds=0):
    return f"{clock.seconds(BASE + second)[:-1]}.{nanoseconds:09d}Z "


def _write(path, lines, files=1):
    """The lines as a log of so many files, the first of which are longer."""
    size = -(-len(lines) // files)
    for number in range(files):
        part = lines[number * size : (number + 1) * size]
        path.with_name(f"{path.name}.{number}").write_text("".join(f"{_stamp(s)}{line}\n" for s, line in part))


async def _collect(path, selection=None, ended=None):
    return b"".join([piece async for piece in logs.read(path, selection or logs.Selection(), ended)]).decode()


@settings(max_examples=50, deadline=None)
@given(lines=st.lists(st.tuples(st.integers(0, 5), st.text("ab ", max_size=5)), max_size=12), since=st.integers(-1, 6),
       tail=st.integers(0, 14), files=st.integers(1, 4))  # fmt: skip
def test_since_and_tail_agree_with_the_plain_way(tmp_path_factory, lines, since, tail, files):
    """The search by halves and the reading from the end give what a simple filter gives, also over several files."""
    lines = sorted(lines, key=lambda line: line[0])
    path = tmp_path_factory.mktemp("log") / "log"
    _write(path, lines, files)
    by_time = [line for second, line in lines if second >= since]
    by_number = [line for _, line in lines][len(lines) - min(tail, len(lines)) :]
    both = by_time[len(by_time) - min(tail, len(by_time)) :]

    assert asyncio.run(_collect(path, logs.Selection(since=BASE + since))).split("\n")[:-1] == by_time
    assert asyncio.run(_collect(path, logs.Selection(tail=tail))).split("\n")[:-1] == by_number
    assert asyncio.run(_collect(path, logs.Selection(since=BASE + since, tail=tail))).split("\n")[:-1] == both


@settings(max_examples=50, deadline=None)
@given(
    pieces=st.lists(st.binary(max_size=8).map(lambda piece: piece.replace(b"\x00", b"\n")), max_size=10),
    file_bytes=st.sampled_from([100, 200, 10_000]),
)
def test_what_is_written_in_pieces_is_read_whole(tmp_path_factory, pieces, file_bytes):
    """Any bytes, cut anywhere, in files of any size: the lines come back, with what ends each of them."""
    path = tmp_path_factory.mktemp("log") / "log"
    _write_pieces(path, [piece for piece in pieces if piece], file_bytes=file_bytes)
    whole = b"".join(pieces)

    read = asyncio.run(_read_bytes(path))

    assert read == whole.replace(b"\r\n", b"\n")


def _write_pieces(path, pieces, *, file_bytes, files=1000):
    writer = LogWriter(str(path), file_bytes, files)
    for piece in pieces:
        writer.write(piece)
    writer.close()


def test_only_so_many_files_are_kept(tmp_path):
    """The oldest go, each with whole lines; what is left is read from its beginning."""
    _write_pieces(tmp_path / "log", [b"%d\n" % number for number in range(100)], file_bytes=200, files=3)

    lines = asyncio.run(_collect(tmp_path / "log")).splitlines()

    assert len(list(tmp_path.iterdir())) == 3
    assert lines == [str(number) for number in range(100 - len(lines), 100)]
    assert len(lines) >= 2 * 6


def test_a_line_without_end_does_not_fill_the_disk(tmp_path):
    """After twice the size of a file it is cut; nothing of it is lost."""
    _write_pieces(tmp_path / "log", [b"x" * 100] * 20, file_bytes=300)

    text = asyncio.run(_collect(tmp_path / "log"))

    assert text.replace("\n", "") == "x" * 2000
    assert all(file.stat().st_size <= 700 for file in tmp_path.iterdir())


async def test_a_follower_goes_from_file_to_file(tmp_path):
    """It reads while the writer goes on to the next file, again and again, and loses nothing."""
    path, ended = tmp_path / "log", asyncio.Event()

    async def write():
        writer = LogWriter(str(path), 500, 1000)
        for number in range(2000):
            writer.write(b"line %d\n" % number)
            if number % 50 == 0:
                await asyncio.sleep(0.002)
        writer.close()
        ended.set()

    _, text = await asyncio.gather(write(), _collect(path, ended=ended))

    assert len(list(tmp_path.iterdir())) > 50
    assert text.splitlines() == [f"line {number}" for number in range(2000)]


async def _read_bytes(path):
    return b"".join([piece async for piece in logs.read(path, logs.Selection(), None)])


async def test_following_ends_after_the_last_line(tmp_path):
    """Also a line without end that was written just before the end."""
    path, ended = tmp_path / "log", asyncio.Event()

    async def write():
        for number in range(3):
            await asyncio.sleep(0.05)
            with path.with_name("log.0").open("a") as file:
                file.write(f"{_stamp(number)}line {number}\n")
        with path.with_name("log.0").open("a") as file:
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
