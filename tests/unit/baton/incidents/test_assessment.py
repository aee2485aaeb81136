"""What is unhealthy by rule, and what is decided."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from baton.incidents.healing.actions import at_once
from baton.incidents.healing.assessment import PROTECTED, Case, assess, decide, is_rolled_out, words_of
from baton.incidents.healing.record import HOLD, RESTARTS, read_record, restart_annotations
from baton.incidents.healing.rules import Rule, RuleMissingError, Signs, rule_named

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def rule(**different):
    return Rule("r", ("shop",), "heal=yes", **{"signs": Signs(crash_loop=True), **different})


def ago(**length):
    return (NOW - timedelta(**length)).isoformat()


def workload(*, kind="Deployment", labels=None, restarts=(), hold=None, paused=False, **status):
    annotations = {RESTARTS: json.dumps([{"at": at, "by": str(at)} for at in restarts])} if restarts else {}
    annotations |= {HOLD: hold} if hold else {}
    metadata = {"name": "api", "namespace": "shop", "generation": 2, "labels": labels or {}, "annotations": annotations}
    done = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    return {"kind": kind, "metadata": metadata, "spec": {"replicas": 1, "paused": paused}, "status": done | status}


def ended(*, ran=timedelta(seconds=1), code=1, **length):
    finished = NOW - timedelta(**length)
    times = {"startedAt": (finished - ran).isoformat(), "finishedAt": finished.isoformat()}
    return {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed", **times}}


def pod(
    *,
    waiting=None,
    state=None,
    restarts=0,
    last=None,
    ready="True",
    since=None,
    scheduled="True",
    phase="Running",
    **metadata,
):
    state = state or ({"waiting": {"reason": waiting}} if waiting else {})
    container = {"name": "app", "restartCount": restarts, "state": state}
    container |= {"lastState": {"terminated": {"finishedAt": last}}} if last else {}
    conditions = [{"type": "Ready", "status": ready, "lastTransitionTime": since}]
    conditions.append({"type": "PodScheduled", "status": scheduled})
    status = {"phase": phase, "containerStatuses": [container], "conditions": conditions}
    return {"metadata": {"name": "api-1", "uid": "u1", **metadata}, "status": status}


@pytest.mark.parametrize(
    ("signs", "found", "reason"),
    [
        (Signs(crash_loop=True), pod(waiting="CrashLoopBackOff", restarts=2), "app is in a crash loop, restarted 2"),
        (Signs(crash_loop=True), pod(restarts=3, last=ago(minutes=2)), None),
        (Signs(restarts_above=5), pod(restarts=6, state=ended(minutes=1), last=ago(hours=2)), "app restarted 6 times"),
        (Signs(crash_loop=True), pod(waiting="ImagePullBackOff"), None),
        (Signs(crash_loop=True), pod(waiting="CrashLoopBackOff", deletionTimestamp="x"), None),
        (Signs(restarts_above=5), pod(restarts=6, last=ago(minutes=10)), "app restarted 6 times"),
        (Signs(restarts_above=5), pod(restarts=5, last=ago(minutes=10)), None),
        (Signs(restarts_above=5), pod(restarts=60, last=ago(days=3)), None),
        (Signs(not_ready_for=timedelta(minutes=10)), pod(ready="False", since=ago(minutes=10)), "not ready since"),
        (Signs(not_ready_for=timedelta(minutes=10)), pod(ready="False", since=ago(minutes=9)), None),
        (Signs(not_ready_for=timedelta(minutes=10)), pod(ready="False", since=ago(hours=1), scheduled="False"), None),
        (Signs(not_ready_for=timedelta(minutes=10)), pod(ready="False", since=ago(hours=1), phase="Succeeded"), None),
    ],
)
def test_signs(signs, found, reason):
    """Each sign on its own; what a restart would not help is no sign."""
    case = assess(rule(signs=signs), workload(), [found], NOW, is_alerted=False)
    assert (case is None) == (reason is None)
    if case:
        assert reason in case.reasons[0]
        assert case.pods == [["api-1", "u1"]]


RUNNING = {"running": {"startedAt": ago(seconds=1)}}


@pytest.mark.parametrize(
    ("state", "restarts", "expected"),
    [
        # What a kubelet (v1.36) showed of a container that exits with 1 again and again, in this order.
        (RUNNING, 0, False),
        (ended(seconds=1), 0, False),  # the first restart comes at once
        (ended(seconds=1), 1, True),
        (ended(seconds=13), 1, True),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, 1, True),
        (RUNNING, 2, False),
        (ended(seconds=40), 3, True),
        (ended(minutes=5), 7, True),
        (ended(seconds=10, code=0), 2, True),  # exit code 0 of a container that is to run always
        (ended(seconds=10, code=137), 2, True),
        # What is none.
        (ended(seconds=1, ran=timedelta(minutes=11)), 4, False),  # the pause begins anew, with none
        (ended(minutes=20), 4, False),  # nobody restarts it any more
        ({"waiting": {"reason": "ContainerCreating"}}, 4, False),
    ],
)
def test_crash_loop_is_seen_during_the_whole_pause(state, restarts, expected):
    """The reason CrashLoopBackOff stands there for a moment only."""
    signs = Signs(crash_loop=True)
    case = assess(rule(signs=signs), workload(), [pod(state=state, restarts=restarts)], NOW, is_alerted=False)
    assert (case is not None) is expected


def test_container_that_cannot_be_started_again_and_again_is_a_crash_loop():
    """Its last run shows the epoch as its start."""
    state = ended(seconds=20, code=128)
    state["terminated"] |= {"startedAt": "1970-01-01T00:00:00Z", "reason": "StartError"}
    case = assess(rule(), workload(), [pod(state=state, restarts=2)], NOW, is_alerted=False)
    assert case is not None
    assert case.reasons == ["api-1: app is in a crash loop: StartError, exit code 128, restarted 2 times"]


@pytest.mark.parametrize(
    ("spec", "code", "expected"),
    [({}, 0, False), ({}, 1, True), ({"restartPolicy": "Always"}, 0, True), ({"restartPolicy": "Always"}, 1, True)],
)
def test_init_container_that_is_done_is_in_no_crash_loop(spec, code, expected):
    """It may have needed several runs; a side-car has to run on."""
    found = pod()
    found["spec"] = {"initContainers": [{"name": "init", **spec}]}
    status = {"name": "init", "restartCount": 3, "state": ended(seconds=30, code=code)}
    found["status"]["initContainerStatuses"] = [status]
    case = assess(rule(), workload(), [found], NOW, is_alerted=False)
    assert (case is not None) is expected


def test_an_alert_counts_only_where_the_rule_says_so():
    """A healthy workload that an alert names is not restarted by other rules."""
    assert assess(rule(), workload(), [pod()], NOW, is_alerted=True) is None
    case = assess(rule(signs=Signs(alert=True)), workload(), [pod()], NOW, is_alerted=True)
    assert case is not None
    assert case.reasons == ["an alert names it"]


@pytest.mark.parametrize(
    ("found", "decision", "word"),
    [
        (workload(), "restart", "restarted 0 times"),
        (workload(restarts=[ago(minutes=50), ago(minutes=40)]), "restart", "restarted 2 times"),
        (workload(restarts=[ago(minutes=50), ago(minutes=40), ago(minutes=30)]), "ask", "3 are allowed"),
        (workload(restarts=[ago(minutes=70), ago(minutes=65), ago(minutes=61)]), "restart", "restarted 0 times"),
        (workload(labels={PROTECTED: "true"}), "leave", PROTECTED),
        (workload(labels={PROTECTED: ""}), "leave", PROTECTED),
        (workload(labels={PROTECTED: "false"}), "restart", "restarted 0 times"),
        (workload(paused=True), "leave", "paused"),
        (workload(hold=(NOW + timedelta(minutes=1)).isoformat()), "leave", "a person was asked"),
        (workload(hold=ago(minutes=1)), "restart", "restarted 0 times"),
        (workload(restarts=[ago(minutes=1)], availableReplicas=0), "leave", "not finished"),
        (workload(restarts=[ago(minutes=6)], availableReplicas=0), "restart", "restarted 1 times"),
    ],
)
def test_decisions(found, decision, word):
    """By label, hold, rollout and limit, in this order."""
    assert decide(rule(), found, NOW)[0] == decision
    assert word in decide(rule(), found, NOW)[1]


@pytest.mark.parametrize("text", ["x", "{}", '[{"at": 1}]', '[{"by": "x"}]', '[{"at": "x", "by": "y"}]', "[1]"])
def test_a_note_that_cannot_be_read_stays_the_healers_hand(text):
    """It might hide restarts."""
    found = workload()
    found["metadata"]["annotations"] = {RESTARTS: text}
    assert decide(rule(), found, NOW)[0] == "leave"


def test_the_note_of_a_restart_is_read_back():
    """With the run that made it; a hold ends with it."""
    first = read_record(workload(restarts=[ago(minutes=50)]))
    written = restart_annotations(first, "run-2", NOW)
    assert written[HOLD] is None
    found = workload()
    found["metadata"]["annotations"] = {RESTARTS: written[RESTARTS]}
    record = read_record(found)
    assert (record.within(timedelta(hours=1), NOW), record.has("run-2"), record.has("run-3")) == (2, True, False)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (workload(), True),
        (workload(observedGeneration=1), False),
        (workload(updatedReplicas=0), False),
        (workload(availableReplicas=0), False),
        (workload(replicas=2), False),
        (workload(kind="DaemonSet", desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=2), True),
        (workload(kind="DaemonSet", desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=1), False),
    ],
)
def test_a_rollout_is_complete_when_all_pods_are_new_and_available(found, expected):
    """As `kubectl rollout status` says it."""
    assert is_rolled_out(found) is expected


def test_many_at_once_are_a_person_s_matter():
    """When everything falls over, something else is wrong."""
    cases = [Case("r", "shop", "Deployment", str(n), "restart", [], "", []) for n in range(4)]
    assert [case.decision for case in at_once(cases, 2)] == ["restart", "restart", "ask", "ask"]


def test_a_rule_that_is_gone_is_named():
    """The case was made by an older version of the file."""
    with pytest.raises(RuleMissingError, match="no rule old"):
        rule_named([rule()], "old")


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(days=2), "2 days"),
        (timedelta(seconds=45), "45 seconds"),
    ],
)
def test_lengths_in_words(length, words):
    """For people."""
    assert words_of(length) == words
