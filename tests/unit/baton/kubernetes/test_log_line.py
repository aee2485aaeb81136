"""A line of a container's log: its moment in UTC, or that it has none."""

from datetime import UTC, datetime, timedelta

import pytest

from baton.kubernetes.log_line import seconds_since, split_line


@pytest.mark.parametrize(
    ("line", "moment", "text"),
    [
        (b"2026-11-22T01:00:00Z a b", "2026-11-22T01:00:00.000000000", "a b"),
        (b"2026-11-22T01:00:00.5Z  a", "2026-11-22T01:00:00.500000000", " a"),
        (b"2026-11-22T01:00:00.123456789Z ", "2026-11-22T01:00:00.123456789", ""),
        (b"2026-11-22T01:00:00.1Z", "2026-11-22T01:00:00.100000000", ""),
        (b"2026-11-22T01:00:00.1+02:00 a", "2026-11-21T23:00:00.100000000", "a"),
        (b"2026-11-22T01:00:00-05:30 a", "2026-11-22T06:30:00.000000000", "a"),
        (b"2026-11-22T01:00:00Z \xff", "2026-11-22T01:00:00.000000000", "\\xff"),
    ],
)
def test_line_with_a_timestamp(line, moment, text):
    """Nodes write their own zone; all moments sort as texts."""
    assert split_line(line) == (moment, text)


@pytest.mark.parametrize(
    "line",
    [
        "unable to retrieve container logs for containerd://0a1b2c",
        'failed to watch file "/var/log/pods/x/0.log": no space left on device',
        "",
        " ",
        "2026-11-22 01:00:00 a line of a program",
        "2026-13-45T99:00:00Z a",
        "2026-13-45T99:00:00+01:00 a",
        "0001-01-01T00:00:00+14:00 a",
        "\uff12026-11-22T01:00:00Z a",
    ],
)
def test_line_without_one_stays_whole(line):
    """Its first word is none of ours to cut off."""
    assert split_line(line.encode()) == ("", line)


@pytest.mark.parametrize("hours", [-12, 0, 8, 14])
def test_age_is_the_same_in_each_zone(hours):
    """A node in UTC+8 wrote the line ten seconds ago, not eight hours hence."""
    then = datetime.now(UTC) - timedelta(seconds=10)
    there = then + timedelta(hours=hours)
    stamp = f"{there:%Y-%m-%dT%H:%M:%S.%f}{'-' if hours < 0 else '+'}{abs(hours):02}:00"
    moment, _ = split_line(f"{stamp} a".encode())
    assert 9 < seconds_since(moment) < 30
