"""Which backups may go. Pure: what is known of them in, names out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Known:
    """What the decision needs of a backup."""

    name: str
    taken_at: datetime
    proven: bool


@dataclass(frozen=True)
class Policy:
    """What is kept; what any of the rules keeps stays. Without any rule everything stays.

    :param days: all backups of the last so many days.
    :param daily: the last proven backup of each of the last so many days that have one; so with weeks and months.
    """

    days: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


PERIODS: tuple[tuple[str, Callable[[datetime], tuple[int, ...]]], ...] = (
    ("daily", lambda moment: (moment.year, moment.month, moment.day)),
    ("weekly", lambda moment: tuple(moment.isocalendar()[:2])),
    ("monthly", lambda moment: (moment.year, moment.month)),
)


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
    for name, period in PERIODS:
        kept |= _last_of_each(proven, period, getattr(policy, name))
    return [item.name for item in ordered if item.name not in kept]


def _last_of_each(proven: list[Known], period: Callable[[datetime], tuple[int, ...]], count: int) -> set[str]:
    latest = {period(item.taken_at): item.name for item in proven}  # in order, so the last one of a period wins
    return {latest[key] for key in sorted(latest)[-count:]} if count else set()
