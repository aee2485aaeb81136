"""Random CronJobs: Airflow's tasks start the ticks that the local Kubernetes' controller starts."""

from __future__ import annotations

import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.golden.virtual_cluster import NAMESPACE, START, VirtualCluster
from tests.unit.baton.cronjobs.ticks_played import Play

from kubernetes_cron import parse
from local_kubernetes.controllers.cronjob import CronJobController
from local_kubernetes.controllers.garbage import GarbageCollector
from local_kubernetes.controllers.job import JobController

BEGAN = datetime.fromtimestamp(START, UTC)
MINUTES = 20
CASES = {
    "policy": st.sampled_from(["Allow", "Forbid", "Replace"]),
    "every": st.integers(1, 4),
    "deadline": st.none() | st.integers(5, 400),
    "run_seconds": st.integers(1, 500),
    "outage": st.none() | st.tuples(st.integers(0, 800), st.integers(1, 600)),
}


@example(policy="Forbid", every=1, deadline=None, run_seconds=90, outage=None)
@example(policy="Forbid", every=1, deadline=10, run_seconds=90, outage=(300, 240))
@given(**CASES)
@settings(max_examples=40, deadline=None)
def test_the_same_ticks_start(**case):
    """Policies, deadlines, run lengths and outages as they come."""
    check(**case)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@given(**CASES)
@settings(max_examples=10_000, deadline=None)
def test_the_same_ticks_start_ten_thousand_times(**case):
    """The same, for as long as it takes."""
    check(**case)


def check(policy, every, deadline, run_seconds, outage):
    """Compare where a second more or less between a pod's end and its Job's changes nothing."""
    schedule = f"*/{every} * * * *"
    out = outage and tuple(BEGAN + timedelta(seconds=second + 0.5) for second in (outage[0], sum(outage)))
    expected = [
        sorted(played(policy, schedule, deadline, run_seconds + latency, out)) for latency in (1.0, 2.0, 3.0, 4.0)
    ]
    assume(all(each == expected[0] for each in expected))

    assert controlled(policy, schedule, deadline, run_seconds, out) == expected[0]


def played(policy, schedule, deadline, run_seconds, outage):
    """The ticks that Airflow's tasks start."""
    end = BEGAN + timedelta(minutes=MINUTES)
    ticks, cron = [], parse(schedule, "UTC")
    tick = cron.next(BEGAN)
    while tick < end:
        ticks.append(tick)
        tick = cron.next(tick)
    return Play(policy, schedule, deadline, timedelta(seconds=run_seconds), outage, ticks, end).run()


def controlled(policy, schedule, deadline, run_seconds, outage):
    """The ticks that the controller starts."""
    notes = {"run-seconds": str(run_seconds), "exit-code": "0"}
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
    spec = {
        "schedule": schedule,
        "concurrencyPolicy": policy,
        "startingDeadlineSeconds": deadline,
        "successfulJobsHistoryLimit": 100,
        "jobTemplate": {"spec": {"template": {"metadata": {"annotations": notes}, "spec": pod}}},
    }
    started = set()
    controllers = [CronJobController, JobController, GarbageCollector]
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        closing(VirtualCluster(Path(folder), controllers, patch)) as cluster,
    ):

        def note(change):
            if change.key.resource == "jobs.batch" and change.type == "ADDED":
                started.add(datetime.fromtimestamp(int(change.key.name.rpartition("-")[2]) * 60, UTC))

        cluster.store.listen(note)
        cluster.create(
            "cronjobs.batch", {"kind": "CronJob", "metadata": {"name": "c", "namespace": NAMESPACE}, "spec": spec}
        )
        if outage:
            cluster.at(outage[0].timestamp(), cluster.stop_controllers)
            cluster.at(outage[1].timestamp(), cluster.start_controllers)
        cluster.run_until(START + MINUTES * 60 - 0.01)
    return sorted(started)
