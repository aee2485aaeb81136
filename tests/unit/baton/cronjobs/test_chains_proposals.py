"""Chains are proposed where a gap on the clock and something in common come together."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.loading import load_cronjobs
from baton.cronjobs.proposals.history import PastRun
from baton.cronjobs.proposals.propose import chains_text, propose


def with_pod(text, *lines):
    """A manifest with more lines in its first container."""
    return text + "".join(f"            {line}\n" for line in lines)


def pairs(folder, history=()):
    return {(each.first.key, each.then.key) for each in propose(load_cronjobs([folder]), dict(history))}


def test_etl_by_the_clock_is_a_chain(write):
    """1:00, 2:00, 3:00: each is proposed after the one before it, not after all of them."""
    names = ("export", "transform", "load")
    folder = write("etl.yaml", *(cronjob(name, schedule=f"0 {hour} * * *") for hour, name in enumerate(names, 1)))
    proposals = propose(load_cronjobs([folder]), {})
    assert [(each.first.key, each.then.key, each.gap) for each in proposals] == [
        ("export", "transform", timedelta(hours=1)),
        ("transform", "load", timedelta(hours=1)),
    ]
    text = chains_text(proposals)
    assert text == (
        "chains:\n  export-chain:\n    jobs:\n      transform: {after: export}\n      load: {after: transform}\n"
    )
    write("chains.yaml", text)
    loaded = load_cronjobs([folder])
    assert (loaded.problems, list(loaded.chains[0].links)) == ([], ["export", "transform", "load"])
    assert propose(loaded, {}) == []


def test_steps_of_different_things_are_no_chain(write):
    """An extract of the shop says nothing about somebody's datasets, although extracting comes before processing."""
    names = ("shop-extract", "process-datasets")
    folder = write("all.yaml", *(cronjob(name, schedule=f"0 {hour} * * *") for hour, name in enumerate(names, 1)))
    assert pairs(folder) == set()


@pytest.mark.parametrize(
    ("first", "then", "kind"),
    [
        ('args: ["--to", "s3://raw/orders"]', 'args: ["s3://raw/2026"]', "bucket"),
        ('env: [{name: URL, value: "gs://raw/a"}]', 'command: [sh, -c, "cp gs://raw/a ."]', "bucket"),
        ("image: registry/etl:1", "image: registry/etl:2", "image"),
        ("envFrom: [{secretRef: {name: db}}]", "envFrom: [{secretRef: {name: db}}]", "environment"),
        ('env: [{name: DB, value: "pg://x"}]', 'env: [{name: DB, value: "pg://x"}]', "environment"),
    ],
)
def test_reasons_are_what_they_share(write, first, then, kind):
    """Beside the clock and one word of their names."""
    manifests = []
    for name, hour, line in (("orders-a", 1, first), ("orders-b", 2, then)):
        text = cronjob(name, schedule=f"0 {hour} * * *")
        manifests.append(text.replace("image: busybox", line) if "image" in line else with_pod(text, line))
    [proposal] = propose(load_cronjobs([write("a.yaml", *manifests)]), {})
    assert {reason.kind for reason in proposal.reasons} == {"names", kind}


def test_shared_volume_is_a_reason(write):
    """One claim, two pods."""
    volume = "\n          volumes: [{name: v, persistentVolumeClaim: {claimName: exchange}}]"
    texts = [
        cronjob(name, schedule=f"0 {at} * * *").replace("Never", f"Never{volume}") for at, name in ((1, "a"), (2, "b"))
    ]
    [proposal] = propose(load_cronjobs([write("a.yaml", *texts)]), {})
    assert [reason.text for reason in proposal.reasons] == ["both mount exchange"]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (("vacuum", "0 1 * * *"), ("newsletter", "0 2 * * *")),  # nothing in common
        (("export-orders", "0 1 * * *"), ("load-orders", "0 1 * * *")),  # no gap
        (("export-orders", "0 1 * * *"), ("load-orders", "0 2 * * 0")),  # not as often
        (("export-orders", "0 1 * * *"), ("load-orders", "*/20 * * * *")),
        (("export-orders", "0 1 * * *"), ("load-orders", "0 20 * * *")),  # nearly a day
        (("export-orders", "@every 24h"), ("load-orders", "0 2 * * *")),  # does not keep to the clock
        (("load-orders", "0 1 * * *"), ("export-orders", "0 2 * * *")),  # the names say the opposite
    ],
)
def test_nothing_is_proposed_without_both(write, first, then):
    """A wrong proposal costs more than a missing one."""
    assert pairs(write("a.yaml", *(cronjob(name, schedule=schedule) for name, schedule in (first, then)))) == set()


def test_parallel_predecessors_are_proposed_together(write):
    """And each dataset keeps to its own."""
    schedules = {"export-orders": "0 1", "export-customers": "0 1", "load-orders": "0 2", "load-customers": "30 2"}
    folder = write("a.yaml", *(cronjob(name, schedule=f"{at} * * *") for name, at in schedules.items()))
    assert pairs(folder) == {("export-orders", "load-orders"), ("export-customers", "load-customers")}


def test_zones_with_a_changing_clock_keep_their_gap(write):
    """Where both change it on the same night, and where only one does."""
    prague = cronjob("export", schedule="0 1 * * *", spec=["timeZone: Europe/Prague"])
    folder = write("a.yaml", prague, cronjob("load", schedule="0 3 * * *"))
    assert pairs(folder) == {("export", "load")}


def test_history_says_what_the_gap_cost(write):
    """Idle minutes, and how often the buffer was too short."""
    folder = write("a.yaml", *(cronjob(name, schedule=f"0 {at} * * *") for at, name in ((1, "export"), (2, "load"))))
    tick = datetime(2026, 3, 1, 1, tzinfo=UTC)
    ends = [timedelta(minutes=minutes) for minutes in (10, 12, 14, 75)]
    runs = [PastRun(tick, tick, tick + end, "Complete") for end in ends]
    runs += [PastRun(tick, tick, None, "Failed"), PastRun(tick, tick, None, None)]
    [proposal] = propose(load_cronjobs([folder]), {"shop/export": runs})
    buffer = proposal.buffer
    assert (buffer.typical, buffer.runs, buffer.too_short, buffer.failed) == (timedelta(minutes=13), 5, 1, 1)
    assert proposal.idle == timedelta(minutes=47)
