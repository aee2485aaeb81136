"""
## What
Runs one Kubernetes Job from a named template, verbatim, and waits for its end: what an alert's route or an order
(`POST /alerts/v1/jobs`) asks for.

## Inputs → outputs
`include/manifests/job_templates/NAME.yaml` → a Job in the template's namespace, its log in the task's log.

## Schedule and why
Only when an alert or an order starts it. Routes decide which templates there are: a name that no route has is not run.

## If it fails
The Job's own end is in the log; Kubernetes has already tried again as often as the template's backoffLimit says.
"there is no …": the template's file is missing. Clearing the task makes a new Job.

## Params
None. The receiver writes the conf; `target.template` is the template's name. See docs/alerts.md.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from baton.cronjobs import JobTemplateOperator
from baton.defaults import default_args
from baton.pools import PODS
from baton.queues import Queue


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=16,
    is_paused_upon_creation=False,  # an alert that finds it paused starts nothing
    tags=["area/incidents", "tier/2"],
    default_args=default_args(Queue.CRITICAL, retries=0, execution_timeout=timedelta(hours=1)),
    doc_md=__doc__,
)
def run_job_template() -> None:
    """One task: the Job."""
    JobTemplateOperator(task_id="run_job", pool=PODS.name)


run_job_template()
