"""How a Job ended, replayed against recordings of the real Job controller."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from baton.cronjobs.run.job_state import containers_of, end_by_events, end_of, last_failure, why_ended
from baton.kubernetes.job_pods import left_over

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


JOB = {"spec": {"template": {"spec": {"initContainers": [{"name": "init"}], "containers": [{"name": "main"}]}}}}


def pod(**states):
    """A pod with the states of its containers."""
    statuses = [{"name": name.replace("_", "-"), "state": state} for name, state in states.items()]
    return {"metadata": {"name": "p", "uid": "u"}, "status": {"containerStatuses": statuses}}


def ended(code, at):
    return {"terminated": {"exitCode": code, "finishedAt": f"2026-01-01T00:00:0{at}Z"}}


def test_side_car_that_the_cluster_put_in_gets_no_blame():
    """It is ended by force after the container that failed; alone it is all there is to say."""
    own = containers_of(JOB)
    assert own == {"init", "main"}
    assert last_failure([pod(main=ended(3, 1), istio_proxy=ended(137, 6))], own).startswith(
        "pod p, container main ended"
    )
    assert "istio-proxy ended with exit code 137" in last_failure(
        [pod(main=ended(0, 1), istio_proxy=ended(137, 6))], own
    )


@pytest.mark.parametrize(
    ("states", "names"),
    [
        ({"main": ended(0, 1), "istio_proxy": {"running": {}}}, ["istio-proxy"]),
        ({"main": ended(1, 1), "a": {"running": {}}, "b": ended(0, 1)}, ["a"]),
        ({"main": {"running": {}}, "istio_proxy": {"running": {}}}, []),
        ({"main": ended(0, 1), "istio_proxy": ended(0, 2)}, []),
        ({"istio_proxy": {"running": {}}}, []),
        ({}, []),
    ],
)
def test_what_keeps_a_job_from_its_end_is_known(states, names):
    """Without a word, it would run until somebody wonders."""
    assert left_over(pod(**states), JOB) == names
