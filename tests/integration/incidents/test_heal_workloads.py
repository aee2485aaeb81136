"""Workloads that are unhealthy by rule, on the local Kubernetes; a task's halves are played as worker and triggerer."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from tests.integration.incidents.conftest import BEGIN, deployment

from baton.alerts.conf import Alert, make_conf
from baton.incidents.heal_operator import (
    LEAVE_IT,
    RESTART_IT,
    AskToRestartOperator,
    FindUnhealthyOperator,
    NotReadyError,
    RestartWorkloadOperator,
)
from baton.incidents.healing import rollout_trigger as rollout
from baton.incidents.healing.actions import NotRestartedError
from baton.incidents.healing.record import HOLD, RESTARTS
from baton.incidents.healing.rules import Rule, Signs

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
CRASH = "exit 3"


@pytest.fixture
def healer(place, apps, until, monkeypatch):
    """Plays the DAG's tasks for one rule."""
    monkeypatch.setattr(rollout, "POLL_SECONDS", 0.05)
    return Healer(place, apps, until)


def instance(run_id):
    return SimpleNamespace(dag_id="heal_workloads", run_id=run_id, task_id="restart", map_index=0)


def pauses(pod):
    """As a kubelet shows it: the container has ended again, and nothing says CrashLoopBackOff."""
    [status] = pod.status.container_statuses or [None]
    return status and status.restart_count >= 1 and status.state.terminated


class Healer:
    def __init__(self, place, apps, until):
        self.place, self.apps, self.until = place, apps, until
        self.rule = self.make_rule()

    def make_rule(self, **different):
        signs = different.pop("signs", Signs(crash_loop=True))
        settings = {"at_most": 2, "ready_within": timedelta(seconds=10), "stable_for": timedelta(seconds=0.2)}
        return Rule("crash-loops", (self.place.name,), "heal=yes", signs=signs, **{**settings, **different})

    def create(self, name, script=CRASH, **labels):
        body = deployment(name, script)
        body["metadata"]["labels"] |= {"heal": "yes", **labels}
        self.apps.create_namespaced_deployment(self.place.name, body)
        if script.endswith(CRASH):
            self.until(lambda: any(map(pauses, self.pods(name))))
        else:
            self.until(lambda: self.read(name).status.available_replicas)

    def case(self, decision):
        named = {"rule": "crash-loops", "namespace": self.place.name, "kind": "Deployment", "name": "shop"}
        return named | {"decision": decision, "reasons": [], "why": "", "pods": []}

    def pods(self, name):
        return self.place.core.list_namespaced_pod(self.place.name, label_selector=f"app={name}").items

    def read(self, name):
        return self.apps.read_namespaced_deployment(name, self.place.name)

    def annotations(self, name):
        return self.read(name).metadata.annotations or {}

    def restarts(self, name):
        return len(json.loads(self.annotations(name).get(RESTARTS, "[]")))

    def find(self, conf=None, **params):
        pushed = {}
        context = {"dag_run": SimpleNamespace(conf=conf), "params": params}
        context["ti"] = SimpleNamespace(xcom_push=pushed.__setitem__)
        return FindUnhealthyOperator(task_id="find_unhealthy", rules=[self.rule]).execute(context), pushed["left"]

    def restart(self, case, run_id, answer=None):
        task = RestartWorkloadOperator(task_id="restart", case=case, rules=[self.rule], answer=answer)
        with pytest.raises(TaskDeferred) as deferred:
            task.execute({"ti": instance(run_id)})
        _, arguments = deferred.value.trigger.serialize()
        event = asyncio.run(rollout.RolloutTrigger(**json.loads(json.dumps(arguments))).finish())
        return task.verify({}, event)


def test_what_is_unhealthy_is_restarted_and_waited_for(healer, tmp_path):
    """As `kubectl rollout restart` does it; the note of it is on the workload."""
    flag = tmp_path / "works"
    healer.create("shop", f"test -e {flag} && exec sleep 100; {CRASH}")
    before = {pod.metadata.uid for pod in healer.pods("shop")}

    [case], left = healer.find()
    assert (case["decision"], left) == ("restart", [])
    assert "app is in a crash loop: Error, exit code" in case["reasons"][0]
    flag.touch()
    assert healer.restart(case, "run-1") == "ready"

    assert "restartedAt" in str(healer.read("shop").spec.template.metadata.annotations)
    assert healer.restarts("shop") == 1
    assert not before & {pod.metadata.uid for pod in healer.pods("shop")}
    assert healer.find() == ([], [])


def test_a_second_try_of_the_task_restarts_nothing(healer):
    """It finds the note of the first one and only waits."""
    healer.create("shop", "sleep 100")
    case = healer.case("restart")
    healer.restart(case, "run-1")
    generation = healer.read("shop").metadata.generation
    healer.restart(case, "run-1")
    assert (healer.restarts("shop"), healer.read("shop").metadata.generation) == (1, generation)


def test_many_runs_at_once_keep_the_limit(healer):
    """The note and the restart are one change of one version."""
    healer.create("shop", "sleep 100")
    case = healer.case("restart")

    def attempt(number):
        try:
            return healer.restart(case, f"run-{number}")
        except NotRestartedError as err:
            return str(err)

    with ThreadPoolExecutor(5) as executor:
        ends = list(executor.map(attempt, range(5)))
    assert 1 <= healer.restarts("shop") <= 2
    assert sum(end == "ready" for end in ends) == healer.restarts("shop")
    assert all("not restarted" in end for end in ends if end != "ready")


def test_after_the_limit_a_person_is_asked_and_obeyed(healer):
    """The answer lifts the limit once; a no leaves the workload alone for a while."""
    healer.create("shop")
    now = datetime.now(UTC)
    notes = [{"at": (now - timedelta(minutes=minutes)).isoformat(), "by": f"run-{minutes}"} for minutes in (30, 20)]
    healer.rule = healer.make_rule(ready_within=timedelta(seconds=0.5))
    body = {"metadata": {"annotations": {RESTARTS: json.dumps(notes)}}}
    healer.apps.patch_namespaced_deployment("shop", healer.place.name, body)

    [case], _ = healer.find()
    assert (case["decision"], case["why"]) == ("ask", "restarted 2 times in the last 1 hour, 2 are allowed")
    with pytest.raises(NotReadyError, match="did not become ready"):
        healer.restart(case, "run-yes", {"chosen_options": [RESTART_IT]})
    assert healer.restarts("shop") == 3
    task = RestartWorkloadOperator(
        task_id="restart", case=case, rules=[healer.rule], answer={"chosen_options": [LEAVE_IT]}
    )
    with pytest.raises(AirflowSkipException, match="left alone for 1 hour"):
        task.execute({"ti": instance("run-no")})
    assert datetime.fromisoformat(healer.annotations("shop")[HOLD]) > now + timedelta(minutes=59)
    cases, [left] = healer.find()
    assert cases == []
    assert "a person was asked" in left


@pytest.mark.parametrize("answer", [None, {}, {"chosen_options": []}, {"chosen_options": [LEAVE_IT, RESTART_IT]}])
def test_only_a_clear_yes_restarts(healer, answer):
    """Whatever else comes out of the question is a no."""
    healer.create("shop", "sleep 100")
    case = healer.case("ask")
    task = RestartWorkloadOperator(task_id="restart", case=case, rules=[healer.rule], answer=answer)
    with pytest.raises(AirflowSkipException):
        task.execute({"ti": instance("run")})
    assert healer.restarts("shop") == 0


def test_a_protected_workload_is_never_restarted(healer):
    """Neither by rule nor by a person's answer."""
    healer.create("shop", **{"baton.dev/protected": "true"})
    cases, [left] = healer.find()
    assert cases == []
    assert "baton.dev/protected" in left
    case = healer.case("ask")
    task = RestartWorkloadOperator(
        task_id="restart", case=case, rules=[healer.rule], answer={"chosen_options": [RESTART_IT]}
    )
    with pytest.raises(NotRestartedError, match="protected"):
        task.execute({"ti": instance("run")})


def test_a_dry_run_only_says(healer):
    """No case goes on; the words are there."""
    healer.create("shop")
    cases, [left] = healer.find(dry_run=True)
    assert cases == []
    assert "would restart" in left


def test_an_alerts_run_looks_at_its_workload_only(healer):
    """The alert may name a pod; what it belongs to is restarted, if a rule says so."""
    healer.create("shop", "sleep 100")
    healer.create("other")
    healer.rule = healer.make_rule(signs=Signs(crash_loop=True, alert=True))
    [pod] = healer.pods("shop")
    alert = Alert("alertmanager", "pods", "firing", "f00d", BEGIN.isoformat())
    target = {"namespace": healer.place.name, "kind": "Pod", "name": pod.metadata.name}
    [case], _ = healer.find(make_conf(alert, target))
    assert (case["name"], case["reasons"]) == ("shop", ["an alert names it"])


def test_unhealthy_pods_alone_can_be_deleted(healer, until):
    """The template stays as it is."""
    healer.create("shop")
    healer.rule = healer.make_rule(action="delete_pods", ready_within=timedelta(seconds=0.5))
    [before] = healer.pods("shop")
    generation = healer.read("shop").metadata.generation
    [case], _ = healer.find()
    with pytest.raises(NotReadyError):
        healer.restart(case, "run-1")
    until(lambda: before.metadata.uid not in {pod.metadata.uid for pod in healer.pods("shop")})
    assert healer.read("shop").metadata.generation == generation
    assert healer.restarts("shop") == 1


def test_of_two_runs_at_once_one_asks(healer, monkeypatch):
    """The other one skips its question, and what follows it; a second try of the first one asks again."""
    healer.create("shop", "sleep 100")
    monkeypatch.setattr("airflow.providers.standard.operators.hitl.HITLOperator.execute", lambda *_: "asked")

    def ask(run_id):
        task = AskToRestartOperator(task_id="ask", case=healer.case("ask"))
        return task.execute({"ti": instance(run_id)})

    assert (ask("run-1"), ask("run-1")) == ("asked", "asked")
    with pytest.raises(AirflowSkipException, match="is held by heal_workloads/run-1/0"):
        ask("run-2")
    with pytest.raises(AirflowSkipException, match="nobody was asked in this run"):
        RestartWorkloadOperator(task_id="restart", case=healer.case("ask"), rules=[healer.rule]).execute({})


def test_a_case_that_needs_nobody_is_not_asked_about():
    """Its question is skipped."""
    case = {"rule": "r", "namespace": "n", "kind": "Deployment", "name": "shop", "decision": "restart"}
    case |= {"reasons": [], "why": "once", "pods": []}
    with pytest.raises(AirflowSkipException, match="without asking"):
        AskToRestartOperator(task_id="ask", case=case).execute({})
