"""Whom a DAG waits for, and which tick of a CronJob's own a round of its chain stands for."""

from datetime import datetime

import pytest
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.adopt.order import order_of
from baton.cronjobs.loading import load_cronjobs

SCHEDULES = {"export": "0 1 * * *", "transform": "0 2 * * *", "load": "0 3 * * *", "report": "30 3 * * *"}


def moment(text):
    return datetime.fromisoformat(f"2026-11-{text}:00Z")


@pytest.fixture
def order(write):
    """Three in one DAG, and a fourth that keeps its own."""
    jobs = [cronjob(name, schedule=schedule) for name, schedule in SCHEDULES.items()]
    jobs[-1] = cronjob("report", schedule="30 3 * * *", metadata=["annotations: {baton.dev/after: load}"])
    folder = write("jobs.yaml", *jobs)
    text = "chains: {nightly: {jobs: {transform: {after: export}, load: {after: [transform, export]}}}}\n"
    return order_of(load_cronjobs([write("chains.yaml", text), folder]))


def test_dags_know_whom_they_wait_for(order):
    """A DAG whose predecessor is off in Airflow would never run."""
    assert order.dags == {**dict.fromkeys(("export", "transform", "load"), "nightly"), "report": "report"}
    assert (order.awaited("report"), order.awaiting("nightly")) == ({"nightly"}, {"report"})
    assert (order.awaited("nightly"), order.awaiting("report")) == (set(), set())
    assert (order.roots("report"), order.roots("export")) == ({"export"}, {"export"})


def test_round_stands_for_a_tick_of_each(order):
    """Given back after the root's tick alone, the controller would run each of the others once more."""
    ticks = {"export": moment("20T01:00")}
    own = {name: order.own_tick(name, ticks) for name in SCHEDULES}
    times = ("20T01:00", "20T02:00", "20T03:00", "20T03:30")
    assert own == dict(zip(SCHEDULES, map(moment, times), strict=True))


def test_without_a_round_nothing_is_known(order):
    """Airflow has run nothing yet."""
    assert order.own_tick("report", {"export": None}) is None


def test_follower_without_ticks_of_its_own_shares_those_before_it(write):
    """`@every` counts from when the CronJob was made; a February 30 never comes."""
    after = ["annotations: {baton.dev/after: export}"]
    jobs = [cronjob(), *(cronjob(n, schedule=s, metadata=after) for n, s in (("a", "@every 1h"), ("b", "0 0 30 2 *")))]
    order = order_of(load_cronjobs([write("jobs.yaml", *jobs)]))
    tick = moment("20T01:00")
    assert [order.own_tick(name, {"export": tick}) for name in ("a", "b")] == [tick, tick]
