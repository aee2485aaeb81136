"""Whether two schedules keep a distance."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

from kubernetes_cron import EverySchedule, parse

_FROM = datetime(2026, 1, 5, tzinfo=UTC)
"""Any Monday: what is proposed must not depend on the day of the asking."""
_DAYS = 70
_MAX_TICKS = 100
_MAX_GAP = timedelta(hours=12)
_CHANGING_CLOCKS = timedelta(hours=1)
_MIN_PERIOD_OF_MORE_OFTEN = timedelta(hours=6)
"""What runs more often than that is always just before everything."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How the ticks of two schedules lie to one another.

    :param gap: from the first one's tick to the second one's.
    :param each_time: whether each tick of the first one has one of the second; else the second runs less often.
    """

    gap: timedelta
    each_time: bool


@cache
def rhythm_of(first: tuple[str, str], then: tuple[str, str]) -> Rhythm | None:
    """How two schedules, each with its zone, lie to one another; None if they keep no distance."""
    before, after = _ticks(*first), _ticks(*then)
    if not before or not after:
        return None
    begin, end = max(before[0], after[0]), min(before[-1], after[-1])
    wanted = [tick for tick in after if begin <= tick <= end]
    partners = [_last_before(before, tick) for tick in wanted]
    gaps = [tick - partner for tick, partner in zip(wanted, partners, strict=True) if partner is not None]
    known = [partner for partner in partners if partner is not None]
    if not gaps or len(set(known)) < len(known):
        return None  # the second one runs more often
    period = _period(before)
    if max(gaps) - min(gaps) > _CHANGING_CLOCKS or max(gaps) > min(_MAX_GAP, period / 2):
        return None
    each_time = len(known) >= len([tick for tick in before if begin <= tick <= end]) - 1
    if not each_time and period < _MIN_PERIOD_OF_MORE_OFTEN:
        return None
    return Rhythm(min(gaps), each_time)


@cache
def _ticks(schedule: str, zone: str) -> Sequence[datetime]:
    """Its ticks in some weeks; none for what does not keep to the clock."""
    parsed = parse(schedule, zone)
    if isinstance(parsed, EverySchedule):
        return ()
    ticks: list[datetime] = []
    tick = parsed.next(_FROM)
    while tick is not None and tick < _FROM + timedelta(days=_DAYS) and len(ticks) < _MAX_TICKS:
        ticks.append(tick)
        tick = parsed.next(tick)
    return ticks


def _last_before(ticks: Sequence[datetime], moment: datetime) -> datetime | None:
    position = bisect_left(ticks, moment)
    return ticks[position - 1] if position else None


def _period(ticks: Sequence[datetime]) -> timedelta:
    if len(ticks) < 2:
        return timedelta(days=_DAYS)
    return min(later - earlier for earlier, later in pairwise(ticks))
