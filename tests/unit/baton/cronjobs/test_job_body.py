"""The Job is the template and a short list of additions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from baton.cronjobs.run.job_body import TaskRun, counts_as_running, cron_job_of, job_body, task_run_of
from baton.cronjobs.templates.source import JobTemplate

TICK = datetime(2026, 11, 22, 2, 15, tzinfo=UTC)
SPEC = {"template": {"spec": {"containers": [{"name": "c"}]}}, "anything": {"else": [1]}}
TEMPLATE = JobTemplate("nightly", "shop", {"labels": {"a": "b"}, "annotations": {"note": "x"}}, SPEC)
OWNER = {"kind": "CronJob", "name": "nightly", "uid": "u", "controller": True}


def body(template=TEMPLATE, tick=TICK, cleared=0):
    run = TaskRun("dag/run/task/-1", cleared)
    return job_body(template, name="nightly-1", namespace="shop", run=run, tick=tick, time_zone=None)


def test_everything_that_is_added_stands_here():
    """The documented list."""
    assert body() == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "nightly-1",
            "namespace": "shop",
            "labels": {"a": "b"},
            "annotations": {
                "note": "x",
                "baton.dev/cronjob": "nightly",
                "baton.dev/run": "dag/run/task/-1",
                "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-11-22T02:15:00Z",
            },
        },
        "spec": SPEC,
    }


def test_a_run_without_tick_has_no_scheduled_time():
    """As a Job that kubectl makes from a CronJob."""
    assert "batch.kubernetes.io/cronjob-scheduled-timestamp" not in body(tick=None)["metadata"]["annotations"]


def test_a_job_tells_whose_it_is():
    """By what the controller writes, and by what is written here."""
    assert cron_job_of(body()) == "nightly"
    assert cron_job_of({"metadata": {"ownerReferences": [OWNER]}}) == "nightly"
    assert cron_job_of({"metadata": {"ownerReferences": [{**OWNER, "kind": "Workflow"}]}}) is None
    assert task_run_of(body(cleared=2)) == TaskRun("dag/run/task/-1", 2)
    assert task_run_of({"metadata": {}}) is None


@pytest.mark.parametrize(
    ("metadata", "ended", "counts"),
    [
        (body()["metadata"], False, True),
        (body(tick=None)["metadata"], False, True),
        (body()["metadata"], True, False),
        ({"annotations": {"baton.dev/cronjob": "other", "baton.dev/run": "r"}}, False, False),
        ({"ownerReferences": [OWNER], "annotations": {"cronjob.kubernetes.io/instantiate": "manual"}}, False, False),
        (
            {"ownerReferences": [OWNER], "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": "t"}},
            False,
            True,
        ),
    ],
    ids=["ours", "by hand here", "ended", "another's", "by kubectl", "the controller's"],
)
def test_what_blocks_the_next_job(metadata, ended, counts):
    """The controller does not count what somebody made by `kubectl create job --from`."""
    conditions = [{"type": "Complete", "status": "True"}] if ended else []
    assert counts_as_running({"metadata": metadata, "status": {"conditions": conditions}}, "nightly") is counts
