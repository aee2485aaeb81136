"""Which backups may go. Pure: what is known of them in, names out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Known:
    """What the decision needs of a backup."""

    name: str
    taken_at: datetime
    proven: bool


@dataclass(frozen=True)
class Class:
    """A class of retention: the last proven backup of each of the last so many periods that have one.

    :param periods: what is counted, in words.
    :param period: which period a moment lies in; later ones are greater.
    """

    periods: str
    period: Callable[[datetime], tuple[int, ...]]


def _of_each(periods: str, period: Callable[[datetime], tuple[int, ...]]) -> Any:
    return field(default=0, metadata={"class": Class(periods, period)})


@dataclass(frozen=True)
class Policy:
    """What is kept; what any of the rules keeps stays. Without any rule everything stays.

    Each class is one line, whose name is also that of the command's option; how many periods it keeps is its value.

    :param days: all backups of the last so many days.
    """

    days: int = 0
    daily: int = _of_each("days", lambda moment: (moment.year, moment.month, moment.day))
    weekly: int = _of_each("weeks", lambda moment: tuple(moment.isocalendar()[:2]))
    monthly: int = _of_each("months", lambda moment: (moment.year, moment.month))


CLASSES: dict[str, Class] = {f.name: f.metadata["class"] for f in fields(Policy) if "class" in f.metadata}


def doomed(backups: Iterable[Known], policy: Policy, now: datetime) -> list[str]:
    """Name the backups that no rule keeps, oldest first.

    The last proven backup stays whatever the rules say, and so does all that is newer: it may yet be proven. Where
    nothing was proven, everything stays.
    """
    if policy == Policy():
        return []
    ordered = sorted(backups, key=lambda item: (item.taken_at, item.name))
    proven = [item for item in ordered if item.proven]
    if not proven:
        return []
    last = proven[-1]
    kept = {item.name for item in ordered if item == last or item.taken_at >= last.taken_at}
    if policy.days:
        kept |= {item.name for item in ordered if item.taken_at >= now - timedelta(days=policy.days)}
    for name, found in CLASSES.items():
        kept |= _last_of_each(proven, found.period, getattr(policy, name))
    return [item.name for item in ordered if item.name not in kept]


def _last_of_each(proven: list[Known], period: Callable[[datetime], tuple[int, ...]], count: int) -> set[str]:
    latest = {period(item.taken_at): item.name for item in proven}  # in order, so the last one of a period wins
    return {latest[key] for key in sorted(latest)[-count:]} if count else set()
