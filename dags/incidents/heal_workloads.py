"""
## What
Restarts workloads that are unhealthy by rule, at most so many times in a window, and waits until they are ready. When
that is used up it asks a person, tells Slack where the question is, and does what was answered.

## Inputs → outputs
The rules in `include/incidents/healing.yaml`, the cluster's Deployments, StatefulSets and DaemonSets with the rules'
labels; the run's conf where an alert started it → restarts, noted in annotations of the workloads.

## Schedule and why
Every five minutes, in UTC: a container that crashes is tried again by Kubernetes itself for as long. A question that
waits for its answer does not keep later runs from healing other workloads. An alert's route can start it, too.

## If it fails
"did not become ready": the restart did not help; look at the workload's pods and its last rollout. The next run
restarts again or asks, by the rule. "was not restarted": somebody changed the workload meanwhile; nothing is to be
done.

## Params
`dry_run`: say what would be done, do nothing.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import Param, TriggerRule, dag, task_group

from baton.defaults import default_args
from baton.incidents import AskToRestartOperator, FindUnhealthyOperator, RestartWorkloadOperator, read_rules
from baton.notifications import QuestionNotifier
from baton.queues import Queue
from baton.settings import settings

RULES = read_rules(settings().data("incidents", "healing.yaml"))


@dag(
    schedule="*/5 * * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=16,
    params={"dry_run": Param(False, type="boolean", description="Only say what would be done")},
    default_args=default_args(Queue.CRITICAL, retry_delay=timedelta(seconds=10)),
    tags=["area/incidents", "tier/2"],
    doc_md=__doc__,
)
def heal_workloads() -> None:
    found = FindUnhealthyOperator(task_id="find_unhealthy", rules=RULES)
    heal.expand(case=found.output)


@task_group
def heal(case: dict[str, str]) -> None:
    ask = AskToRestartOperator(task_id="ask", case=case, notifiers=[QuestionNotifier(channel="#alerts")])
    # Most cases need no person: then `ask` is skipped.
    RestartWorkloadOperator(
        task_id="restart", case=case, rules=RULES, answer=ask.output, trigger_rule=TriggerRule.NONE_FAILED
    )


heal_workloads()
