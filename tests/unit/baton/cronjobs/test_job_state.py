"""How a Job ended, replayed against recordings of the real Job controller."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from baton.cronjobs.run.job_state import end_by_events, end_of, last_failure, why_ended

RECORDING = json.loads((Path(__file__).parents[3] / "golden" / "job-controller-v1.36.2.json").read_text())


def condition(kind, status="True", **more):
    return {"type": kind, "status": status, **more}


@pytest.mark.parametrize(
    ("conditions", "end"),
    [
        ([], None),
        ([condition("SuccessCriteriaMet")], None),
        ([condition("FailureTarget")], None),
        ([condition("Suspended")], None),
        ([condition("Complete", "False")], None),
        ([condition("SuccessCriteriaMet"), condition("Complete")], "Complete"),
        ([condition("FailureTarget"), condition("Failed")], "Failed"),
    ],
)
def test_a_job_ends_at_complete_or_failed_not_before(conditions, end):
    """The conditions before say only how it will end."""
    assert end_of({"status": {"conditions": conditions}}) == end


def test_a_job_without_status_has_not_ended():
    """It was created a moment ago."""
    assert end_of({}) is None


@pytest.mark.parametrize("name", sorted(RECORDING["jobs"]))
def test_recorded_jobs_have_no_running_pod_once_they_ended(name):
    """So a task that goes on at the end hands over data that nobody writes any more; and an end never changes."""
    rows = [row for row in RECORDING["jobs"][name]["timeline"] if "conditions" in row]
    ended = [(end, row) for row in rows if (end := end_of({"status": {"conditions": _conditions(row)}}))]

    assert len({end for end, _ in ended}) <= 1
    assert not [pod for _, row in ended for pod in row["pods"] if pod[1] in ("Pending", "Running")]


def _conditions(row):
    return [condition(kind, status) for kind, status, *_ in row["conditions"]]


def test_why_it_ended_is_what_kubernetes_says():
    """Reason and message."""
    failed = condition("Failed", reason="BackoffLimitExceeded", message="Job has reached the specified backoff limit")
    job = {"status": {"conditions": [condition("FailureTarget", reason="x"), failed]}}
    assert why_ended(job) == "BackoffLimitExceeded: Job has reached the specified backoff limit"


@pytest.mark.parametrize(
    ("reasons", "end"),
    [
        ([], None),
        (["SuccessfulCreate"], None),
        (["SuccessfulCreate", "Completed"], "Complete"),
        (["SuccessfulCreate", "BackoffLimitExceeded"], "Failed"),
    ],
)
def test_events_tell_the_end_of_a_job_that_is_gone(reasons, end):
    """A ttl of zero removes it at once."""
    assert end_by_events([{"reason": reason, "message": "m"} for reason in reasons])[0] == end


def test_the_last_failure_is_told_with_its_last_line():
    """Also of a container that was started again since."""
    first = {"exitCode": 1, "finishedAt": "2026-01-01T00:00:01Z", "message": "no"}
    second = {"exitCode": 3, "finishedAt": "2026-01-01T00:00:02Z", "message": "a\nno such table\n"}
    pods = [
        {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "c", "state": {"terminated": first}}]}},
        {
            "metadata": {"name": "q"},
            "status": {
                "containerStatuses": [{"name": "d", "state": {"running": {}}, "lastState": {"terminated": second}}]
            },
        },
    ]
    assert last_failure(pods) == "pod q, container d ended with exit code 3: no such table"
    assert last_failure([]) == ""
