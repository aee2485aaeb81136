"""Retention: ten years of runs that fail at random never cost the last proven backup."""

from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.workloads.extended import extended, python

from baton_workloads.backup.retention import Known, Policy, doomed

FIRST_RUN = datetime(2026, 1, 1, 1, tzinfo=UTC)
DAYS = 3653
# What a run ends as: no backup at all, one that could not be proven, a proven one.
OUTCOMES = ("nothing", "unproven", "proven")
POLICIES = st.builds(
    Policy, days=st.integers(0, 60), daily=st.integers(0, 14), weekly=st.integers(0, 8), monthly=st.integers(0, 24)
)


@cache
def named(day: int) -> str:
    """Name the backup of a day."""
    return f"{FIRST_RUN + timedelta(days=day):%Y-%m-%d}"


@settings(max_examples=10, deadline=None)
@given(
    policy=POLICIES,
    seed=st.integers(0, 2**32),
    failing=st.floats(0, 0.9),
    outage_days=st.integers(1, 200),
    prunes=st.floats(0.2, 1),
)
def test_ten_years_of_failures_never_prune_the_last_proven_backup(policy, seed, failing, outage_days, prunes):
    """After each prune the last proven one is there, so is all that is newer, and what the days promise."""
    random = Random(seed)
    store: dict[str, Known] = {}
    made: dict[str, Known] = {}
    outage_until = 0
    for day in range(DAYS):
        if random.random() < failing / 20:
            outage_until = day + random.randrange(outage_days)
        fails = day < outage_until or random.random() < failing
        outcome = random.choice(OUTCOMES[:2]) if fails else "proven"
        before = store.get(named(day - 1))
        if before is not None and random.random() < 0.1:  # cleared by an operator, and proven after all
            store[before.name] = Known(before.name, before.taken_at, True)
        if outcome != "nothing":
            store[named(day)] = made[named(day)] = Known(
                named(day), FIRST_RUN + timedelta(days=day), outcome == "proven"
            )
        if random.random() < prunes:
            prune(store, made, policy, day, random)
    if policy != Policy():
        for name in doomed(store.values(), policy, FIRST_RUN + timedelta(days=DAYS)):
            del store[name]
        most = policy.days + policy.daily + policy.weekly + policy.monthly + 2
        assert sum(item.proven for item in store.values()) <= most


def prune(store: dict[str, Known], made: dict[str, Known], policy: Policy, day: int, random: Random) -> None:
    """Apply the retention, sometimes killed half-way, and check what is left."""
    now = FIRST_RUN + timedelta(days=day)
    proven = [name for name, item in store.items() if item.proven]
    gone = doomed(store.values(), policy, now)
    for name in gone[: random.randrange(len(gone) + 1)] if random.random() < 0.2 else gone:
        del store[name]
    if not proven:
        assert gone == []
    else:
        last = (made[max(proven)].taken_at - FIRST_RUN).days
        assert {named(number) for number in range(last, day + 1)} & made.keys() <= store.keys()
    recent = {named(number) for number in range(max(0, day - policy.days), day + 1)} if policy.days else set()
    assert recent & made.keys() <= store.keys()


def backups(*days: int, proven: bool = True) -> list[Known]:
    """Make backups of days."""
    return [Known(named(day), FIRST_RUN + timedelta(days=day), proven) for day in days]


CASES = {
    "thirty days": (Policy(days=30), [*range(60)], [*range(29)]),
    "two daily, days without any in between": (Policy(daily=2), [1, 5, 9, 20], [1, 5]),
    "a month's last one stays": (Policy(daily=1, monthly=3), [0, 30, 31, 58, 59], [0, 31]),
    "weeks as ISO counts them": (Policy(weekly=2), [0, 3, 4, 10, 11], [0, 3, 4]),
    "without a rule everything stays": (Policy(), [0, 1, 2], []),
    "all older than the rule but one": (Policy(days=1), [0, 1, 2], [0, 1]),
}


@pytest.mark.parametrize(("policy", "days", "gone"), CASES.values(), ids=CASES)
def test_which_backups_go(policy, days, gone):
    """Tables of days, seen from the last one at the same hour, or a year later for the last case."""
    now = FIRST_RUN + timedelta(days=days[-1] if policy.days != 1 else 365)
    assert doomed(backups(*days), policy, now) == [named(day) for day in gone]


def test_what_was_taken_with_the_last_proven_one_stays():
    """It may yet be proven; which of both comes first is only their names."""
    older, same, last = (
        Known("a", FIRST_RUN, True),
        Known("b", FIRST_RUN + timedelta(1), False),
        Known("c", FIRST_RUN + timedelta(1), True),
    )
    assert doomed([last, same, older], Policy(daily=1), FIRST_RUN + timedelta(days=400)) == ["a"]


def test_nothing_goes_where_nothing_was_proven():
    """A backup that was never restored is better than none."""
    assert doomed(backups(*range(100), proven=False), Policy(days=1), FIRST_RUN + timedelta(days=500)) == []


def test_newer_backups_that_are_not_proven_stay():
    """They may yet be proven, and the last proven one stays for as long."""
    mixed = [*backups(0, 1), *backups(2, 3, proven=False)]
    assert doomed(mixed, Policy(daily=1), FIRST_RUN + timedelta(days=900)) == [named(0)]


def test_old_backups_that_are_not_proven_go_with_their_days():
    """Counts are of proven backups only: a failed run does not push a good one out."""
    mixed = [*backups(0, 2), *backups(1, proven=False), *backups(3)]
    assert doomed(mixed, Policy(daily=2), FIRST_RUN + timedelta(days=4)) == [named(0), named(1)]


def test_a_new_class_is_one_line(tmp_path):
    """Its line gives the command an option, and its periods are counted."""
    include = extended(tmp_path, {})
    file = include / "baton_workloads" / "backup" / "retention.py"
    monthly = next(line for line in file.read_text().splitlines() if line.startswith("    monthly: "))
    line = '    quarterly: int = _of_each("quarters", lambda moment: (moment.year, (moment.month - 1) // 3))'
    file.write_text(file.read_text().replace(monthly, f"{monthly}\n{line}"))
    program = (
        "from datetime import UTC, datetime\n"
        "from baton_workloads.backup.retention import Known, Policy, doomed\n"
        "months = [Known(f'{month:02}', datetime(2026, month, 1, tzinfo=UTC), True) for month in range(1, 13)]\n"
        "print(*doomed(months, Policy(quarterly=3), datetime(2027, 1, 1, tzinfo=UTC)))\n"
        "from baton_workloads.__main__ import main\n"
        "main(['backup', 'prune', '--help'])\n"
    )
    printed = python(include, program)
    assert printed.splitlines()[0] == "01 02 03 04 05 07 08 10 11"
    assert "--quarterly" in printed
    assert "of the last so many quarters" in " ".join(printed.split())
