"""Against what robfig/cron v3, the CronJob controller's own library, was recorded to answer."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from kubernetes_cron import parse

GOLDEN = Path(__file__).parents[2] / "golden" / "cron-next-times.jsonl"
ROWS = [json.loads(line) for line in GOLDEN.read_text().splitlines()]


def next_times(schedule, time_zone, start, count=8):
    """The next times as the recording writes them; None if there is none."""
    found, moment = [], datetime.fromisoformat(start)
    for _ in range(count):
        moment = parse(schedule, time_zone).next(moment)
        if moment is None:
            break
        found.append(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return found or None


def test_the_recording_is_whole():
    """1,080 rows of eight zones, some without a next time."""
    assert len(ROWS) == 1080
    assert len({row["timeZone"] for row in ROWS}) == 8
    assert sum(row["next"] is None for row in ROWS) == 12


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['schedule']} {row['timeZone']} {row['from']}")
def test_the_recorded_next_times_agree(row):
    """Nights on which clocks change included."""
    assert next_times(row["schedule"], row["timeZone"], row["from"]) == row["next"]
