"""The CronJob controller where the recording of the real one shows nothing."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.golden.virtual_cluster import VirtualCluster

from local_kubernetes import clock
from local_kubernetes.controllers.cronjob import CronJobController
from local_kubernetes.controllers.garbage import GarbageCollector
from local_kubernetes.controllers.job import JobController
from local_kubernetes.errors import Cause
from local_kubernetes.kinds import job as job_kind

START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC).timestamp()
MINUTE = 60
HOUR = 3600
FIRST = "c-" + str(int(START) // 60 + 1)  # the Job of the first minute after the start
POD = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """CronJobs, their controller and the garbage collector; Jobs do not run."""
    with closing(VirtualCluster(tmp_path, [CronJobController, GarbageCollector], monkeypatch, start=START)) as made:
        yield made


def add(cluster, schedule="* * * * *", template=None, **spec):
    """Create the CronJob ``c``."""
    job = {"spec": {"template": {"spec": POD}}, **(template or {})}
    body = {"schedule": schedule, "jobTemplate": job, **spec}
    return cluster.create("cronjobs.batch", {"metadata": {"name": "c"}, "spec": body})


def jobs(cluster):
    """The names of the Jobs."""
    return [job["metadata"]["name"] for job in cluster.store.objects("jobs.batch")]


def end(cluster, name, condition="Complete"):
    """End a Job as its controller would."""
    job = cluster.get("jobs.batch", name)
    status = {"startTime": job["metadata"]["creationTimestamp"], "conditions": [{"type": condition, "status": "True"}]}
    if condition == "Complete":
        status["completionTime"] = clock.now()
    cluster.api.put_status("jobs.batch", job, status)


def told(cluster):
    """Reasons and messages of the events about ``c``."""
    return [(event["reason"], event["message"]) for event in cluster.events("c")]


def reasons(cluster):
    """The reasons of the events about ``c``."""
    return [reason for reason, _ in told(cluster)]


def test_a_job_tells_where_it_comes_from(cluster):
    """Name, labels, owner, and the scheduled time on the clock of the schedule's zone."""
    metadata = {"labels": {"app": "a"}, "annotations": {"why": "test"}}
    cron_job = add(cluster, "* 14 * * *", {"metadata": metadata}, timeZone="Europe/Prague")

    cluster.run(2 * HOUR)

    job = cluster.get("jobs.batch", "c-" + str(int(START) // 60 + HOUR // MINUTE))
    assert job["metadata"]["labels"] == {"app": "a"}
    assert job["metadata"]["annotations"] == {
        "why": "test",
        "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-03-01T14:00:00+01:00",
    }
    assert job["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "name": "c",
            "uid": cron_job["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert job["spec"]["template"]["spec"] == cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_the_status_follows_the_jobs(cluster):
    """Active while a Job runs; the times of the last schedule and of the last success."""
    add(cluster, "1 * * * *")
    cluster.run(MINUTE)
    running = cluster.get("cronjobs.batch", "c")["status"]

    cluster.run(MINUTE)
    end(cluster, FIRST)
    cluster.run(1)

    assert [reference["name"] for reference in running["active"]] == [FIRST]
    assert running["lastScheduleTime"] == "2026-03-01T12:01:00Z"
    assert cluster.get("cronjobs.batch", "c")["status"] == {
        "lastScheduleTime": "2026-03-01T12:01:00Z",
        "lastSuccessfulTime": "2026-03-01T12:02:30Z",
    }
    assert told(cluster) == [
        ("SuccessfulCreate", f"Created job {FIRST}"),
        ("SawCompletedJob", f"Saw completed job: {FIRST}, condition: Complete"),
    ]


def test_of_ended_jobs_the_newest_are_kept(cluster):
    """As many as the limits say, successful and failed ones counted apart."""
    add(cluster, successfulJobsHistoryLimit=2, failedJobsHistoryLimit=1)
    for minute in range(8):
        cluster.run(MINUTE)
        end(cluster, jobs(cluster)[-1], "Failed" if minute % 2 else "Complete")
    cluster.run(1)

    first = int(FIRST.removeprefix("c-"))
    assert jobs(cluster) == [f"c-{first + minute}" for minute in (4, 6, 7)]
    assert reasons(cluster).count("SuccessfulDelete") == 5
    assert reasons(cluster).count("SawCompletedJob") == 8


def test_nothing_starts_while_suspended_or_being_deleted(cluster):
    """A suspended CronJob waits, one that is being deleted is done."""
    add(cluster, suspend=True)
    cluster.run(5 * MINUTE)
    assert jobs(cluster) == []

    cluster.patch_spec("cronjobs.batch", "c", suspend=False)
    cluster.run(1)
    assert len(jobs(cluster)) == 1

    cron_job = cluster.get("cronjobs.batch", "c")
    held = {**cron_job["metadata"], "finalizers": ["example.com/hold"]}
    cluster.api.update("cronjobs.batch", {**cron_job, "metadata": held})
    cluster.api.delete("cronjobs.batch", "test", "c")
    cluster.run(5 * MINUTE)
    assert len(jobs(cluster)) == 1


def test_with_very_many_missed_ticks_the_latest_runs_and_users_are_warned(cluster):
    """After half a day away, one Job, at once."""
    add(cluster)
    cluster.stop_controllers()
    cluster.run(12 * HOUR)
    cluster.start_controllers()
    cluster.run(1)

    assert jobs(cluster) == ["c-" + str(int(START) // 60 + 12 * HOUR // MINUTE)]
    assert told(cluster)[0] == (
        "TooManyMissedTimes",
        "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
    )


def test_a_tick_is_missed_when_its_deadline_has_passed(cluster):
    """An hour's tick is found five seconds late with a deadline of four, and the next one runs."""
    add(cluster, "0 * * * *", startingDeadlineSeconds=4)
    cluster.stop_controllers()
    cluster.run(59 * MINUTE + 35)
    cluster.start_controllers()
    cluster.run(1)
    assert jobs(cluster) == []

    cluster.run(HOUR)
    assert len(jobs(cluster)) == 1


@pytest.mark.parametrize(
    ("back", "found"),
    [
        (datetime(2026, 3, 6, 12, tzinfo=UTC), [datetime(2026, 3, 6, 10, 30, tzinfo=UTC)]),
        (datetime(2026, 3, 7, 12, tzinfo=UTC), []),
    ],
)
def test_ticks_that_are_not_evenly_spread_are_found_like_the_real_one_finds_them(cluster, back, found):
    """The latest tick of a working week is, on its Friday; on Saturday the estimate begins too late for it."""
    add(cluster, "30 6-16/4 * * 1-5")  # 1 March 2026 is a Sunday
    cluster.stop_controllers()
    cluster.run(back.timestamp() - START)
    cluster.start_controllers()
    cluster.run(1)

    assert jobs(cluster) == [f"c-{int(tick.timestamp()) // 60}" for tick in found]


def test_a_job_whose_status_was_lost_is_not_made_twice(cluster):
    """The name of a tick's Job is taken: it becomes active, as if it had been created now."""
    add(cluster, "1 * * * *")
    cluster.run(MINUTE)
    cron_job = cluster.get("cronjobs.batch", "c")
    cluster.stop_controllers()
    cluster.api.put_status("cronjobs.batch", cron_job, {})
    cluster.start_controllers()
    cluster.run(1)

    assert jobs(cluster) == [FIRST]
    assert cluster.get("cronjobs.batch", "c")["status"]["active"][0]["name"] == FIRST
    assert reasons(cluster) == ["SuccessfulCreate", "UnexpectedJob"]


def test_a_foreign_job_with_the_name_of_a_tick_is_left_alone(cluster):
    """And the next tick is not lost."""
    add(cluster, "*/2 * * * *")
    name = "c-" + str(int(START) // 60 + 2)
    cluster.create("jobs.batch", {"metadata": {"name": name}, "spec": {"template": {"spec": POD}}})
    cluster.run(2 * MINUTE)

    assert cluster.get("cronjobs.batch", "c")["status"] == {}
    cluster.run(2 * MINUTE)
    assert len(jobs(cluster)) == 2
    assert reasons(cluster) == ["SuccessfulCreate"]


def test_an_active_job_that_somebody_deleted_is_forgotten(cluster):
    """So that Forbid does not block for ever."""
    add(cluster, "*/2 * * * *", concurrencyPolicy="Forbid")
    cluster.run(2 * MINUTE)
    name = jobs(cluster)[0]
    cluster.api.delete("jobs.batch", "test", name)
    cluster.run(1)

    assert told(cluster)[-1] == ("MissingJob", f"Active job went missing: {name}")
    cluster.run(2 * MINUTE)
    assert len(jobs(cluster)) == 1


def test_a_new_schedule_does_not_make_up_for_what_it_would_have_missed(cluster):
    """It counts from its next tick on."""
    add(cluster, "0 0 1 1 *")
    cluster.run(10 * MINUTE)
    cluster.patch_spec("cronjobs.batch", "c", schedule="*/5 * * * *")
    cluster.run(1)
    assert jobs(cluster) == []

    cluster.run(5 * MINUTE)
    assert jobs(cluster) == ["c-" + str(int(START) // 60 + 15)]


def test_a_schedule_that_never_comes_is_told(cluster):
    """The 31st of February is accepted and useless."""
    add(cluster, "0 0 31 2 *")
    cluster.run(24 * HOUR)

    assert told(cluster) == [
        (
            "InvalidSchedule",
            "invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second",
        )
    ]


def test_a_refused_job_is_told_and_tried_again(cluster):
    """A CronJob's template is checked less than a Job; here Jobs are refused for a minute."""
    add(cluster)
    refusal = Cause("spec", "FieldValueInvalid", "Invalid value: not today")
    cluster.api.registry.add(replace(job_kind.JOB, check=lambda _: [refusal]))
    cluster.run(MINUTE)
    assert jobs(cluster) == []
    assert set(told(cluster)) == {
        ("FailedCreate", f'Error creating job: Job.batch "{FIRST}" is invalid: spec: Invalid value: not today')
    }

    cluster.api.registry.add(job_kind.JOB)
    cluster.run(MINUTE)
    assert FIRST in jobs(cluster)


def test_deleting_a_cron_job_takes_its_jobs_along(cluster):
    """By the garbage collector."""
    add(cluster)
    cluster.run(2 * MINUTE)
    cluster.api.delete("cronjobs.batch", "test", "c")
    cluster.run(1)

    assert jobs(cluster) == []


@settings(deadline=None, max_examples=25)  # each example is an hour of CronJobs
@given(
    st.sampled_from(["Allow", "Forbid", "Replace"]),
    st.none() | st.integers(0, 200),
    st.integers(1, 200),
    st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), max_size=6),
)
def test_whatever_is_down_when_no_tick_runs_twice(tmp_path_factory, policy, deadline, run_seconds, outages):
    """Each Job is created once and not before its tick; with Forbid and Replace never two run at a time."""
    controllers = [CronJobController, JobController, GarbageCollector]
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        closing(VirtualCluster(tmp_path_factory.mktemp("hour"), controllers, monkeypatch, start=START)) as cluster,
    ):
        created, most = [], [0]

        def changed(change):
            if change.key.resource == "jobs.batch":
                created.extend([(change.key.name, cluster.now)] if change.type == "ADDED" else [])
                running = [job for job in cluster.store.objects("jobs.batch") if not job_kind.is_finished(job)]
                most[0] = max(most[0], len(running))

        cluster.store.listen(changed)
        notes = {"run-seconds": str(run_seconds), "exit-code": "0"}
        pod = {"spec": {"template": {"metadata": {"annotations": notes}, "spec": POD}}}
        add(cluster, template=pod, concurrencyPolicy=policy, startingDeadlineSeconds=deadline)
        for pause, length in outages:
            cluster.run(pause)
            cluster.stop_controllers()
            cluster.run(length)
            cluster.start_controllers()
        cluster.run(10 * MINUTE)
        cluster.store.close()

    assert len({name for name, _ in created}) == len(created)
    assert all(at >= int(name.removeprefix("c-")) * MINUTE for name, at in created)
    assert policy == "Allow" or most[0] <= 1
    if deadline is None:
        assert len(created) >= 9 or policy == "Forbid"
