"""A run of a chain beside the clock that it has left."""

from datetime import UTC, datetime, timedelta

import pytest

from baton.cronjobs.page.compare import ChainRun, chain_runs, overlapping
from baton.cronjobs.page.model import ChainJob, JobRun

NIGHT = datetime(2026, 3, 2, 1, tzinfo=UTC)
EXPORT = ChainJob("export", "nightly", "0 1 * * *", None)
TRANSFORM = ChainJob("transform", "nightly", "0 2 * * *", None, ("export",))
LOAD = ChainJob("load", "nightly", "0 3 * * *", None, ("transform",))
CHAIN = [EXPORT, TRANSFORM, LOAD]


def minutes(number):
    return timedelta(minutes=number)


def run(key, begin, end, *, state="success", run_id="one", dag_id="nightly", tick=NIGHT):
    """A run from one minute of the night to another; None for an end that is not there yet."""
    return JobRun(
        key, dag_id, run_id, tick, NIGHT + minutes(begin), None if end is None else NIGHT + minutes(end), state
    )


def chain(*runs, jobs=CHAIN):
    [made] = chain_runs(jobs, runs, [])
    return made


def test_clock_gives_each_its_own_next_tick():
    """Each is compared with the tick that it would have had in that night."""
    made = chain(run("export", 0, 10), run("transform", 10, 30), run("load", 30, 35))
    assert made.clock == {"export": NIGHT, "transform": NIGHT + minutes(60), "load": NIGHT + minutes(120)}
    assert made.clock_end == NIGHT + minutes(125)


@pytest.mark.parametrize(
    ("parts", "saved"),
    [
        ([("export", 0, 10), ("transform", 10, 30), ("load", 30, 35)], minutes(90)),
        ([("export", 0, 10), ("transform", 100, 120), ("load", 130, 135)], minutes(-10)),
        ([("export", 0, 10), ("transform", 10, 30), ("load", 30, None)], None),
        ([("export", 0, 10), ("transform", 10, 30)], None),
        ([("export", 0, 61), ("transform", 61, 63), ("load", 63, 64)], None),  # the clock would have been too early
    ],
)
def test_saved_is_the_clocks_end_less_the_real_one(parts, saved):
    """And nothing where the chain has not ended, or the clock would have been no alternative."""
    assert chain(*(run(*part) for part in parts)).saved == saved


def test_skipped_run_has_taken_no_time():
    """Its task waited, and then no Job ran: it has no length on the clock, and overlaps nothing."""
    skipped = run("export", 0, 10, state="skipped")
    assert chain(skipped).clock_ends == {}
    assert overlapping([skipped, run("export", 5, 20, run_id="two")], NIGHT + minutes(30)) == set()


def test_failed_chain_saves_nothing():
    """It is done on neither side."""
    made = chain(run("export", 0, 10), run("transform", 10, 30), run("load", 30, 35, state="failed"))
    assert (made.state, made.saved) == ("failed", None)


def test_run_by_hand_has_nothing_to_be_compared_with():
    """Without a tick there is no clock."""
    made = chain(*(run(key, 0, 10, tick=None) for key in ("export", "transform", "load")))
    assert (made.clock, made.saved, made.late("load")) == ({}, None, None)


def test_too_short_buffer_is_named():
    """The export takes 75 minutes; at 2:00 the transform would have read yesterday's data."""
    made = chain(run("export", 0, 75), run("transform", 75, 80), run("load", 80, 81))
    [bad] = made.too_early
    assert (bad.key, bad.before, bad.by) == ("transform", "export", minutes(15))


@pytest.mark.parametrize(
    ("key", "begin", "late"), [("export", 0.5, None), ("export", 5, 5), ("load", 110, None), ("load", 140, 20)]
)
def test_late_is_later_than_the_clock(key, begin, late):
    """A chain's follower is early by design; it is late only after its own old tick."""
    made = chain(run("export", 0, 1), run("transform", 1, 2), run(key, begin, begin + 1))
    assert made.late(key) == (None if late is None else minutes(late))


def test_follower_of_several_waits_for_the_last_on_the_clock():
    """Its tick is the first after all of theirs."""
    hourly = ChainJob("other", "nightly", "50 2 * * *", None)
    both = ChainJob("load", "nightly", "0 * * * *", None, ("export", "other"))
    other = run("other", 0, 1, tick=NIGHT + minutes(110))
    assert chain(run("export", 0, 1), other, run("load", 2, 3), jobs=[EXPORT, hourly, both]).clock[
        "load"
    ] == NIGHT + minutes(120)


def test_schedule_that_counts_from_its_making_is_not_guessed():
    """When `@every` would have ticked, only its cluster knew."""
    follower = ChainJob("transform", "nightly", "@every 90m", None, ("export",))
    made = chain(run("export", 0, 1), run("transform", 1, 2), jobs=[EXPORT, follower])
    assert (set(made.clock), made.saved) == ({"export"}, None)


def test_run_from_before_the_schedule_was_changed_is_not_compared():
    """Its tick is none of today's; what the others' schedules were then is not known any more."""
    before = NIGHT - minutes(30)
    made = chain(*(run(job.key, 0, 10, tick=before) for job in CHAIN))
    assert (made.clock, made.saved) == ({"export": before}, None)
    assert made.late("export") == minutes(30)


def test_dag_runs_that_started_one_another_are_one_run():
    """Across DAGs an asset's event says so."""
    runs = [
        run("export", 0, 10, dag_id="export", run_id="a"),
        run("transform", 11, 12, dag_id="transform", run_id="b", tick=None),
        run("export", 1440, 1450, dag_id="export", run_id="c", tick=NIGHT + timedelta(days=1)),
    ]
    made = chain_runs(CHAIN, runs, [(("transform", "b"), ("export", "a")), (("transform", "b"), ("gone", "x"))])
    assert [sorted(one.parts) for one in made] == [["export", "transform"], ["export"]]
    assert made[0].clock["transform"] == NIGHT + minutes(60)


def test_overlap_is_with_any_earlier_run_of_the_same_cronjob():
    """A long one is overlapped by each that begins meanwhile; one that still runs, by all after it."""
    runs = [
        run("export", 0, 100, run_id="long"),
        run("export", 10, 20, run_id="inside"),
        run("export", 50, 60, run_id="inside too"),
        run("load", 55, 58, run_id="another's"),
        run("export", 100, None, run_id="open"),
        run("export", 110, 111, run_id="last"),
    ]
    assert overlapping(runs, NIGHT + minutes(200)) == {
        ("export", "inside"),
        ("export", "inside too"),
        ("export", "last"),
    }


def test_state_of_a_chain_is_its_worst():
    """One that another's failure kept from running does not hide the failure."""
    parts = {"export": run("export", 0, 1, state="failed"), "load": run("load", 0, 1, state="not run")}
    assert ChainRun([EXPORT, LOAD], parts).state == "failed"
