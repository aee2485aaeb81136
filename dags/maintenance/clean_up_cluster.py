"""
## What
Deletes what runs have left in the namespace: finished Jobs without a time to live, pods that ended or were evicted,
claims that are labelled temporary and that no pod mounts. Other claims and released volumes are only reported: their
data is somebody's. What is labelled `baton.dev/protected=true` stays.

## Inputs → outputs
The namespace of the pods → the same without what is over since `days`, and a list of what went, what is left, and what
a person should look at.

## Schedule and why
Every day at 05:00 in the installation's time zone, when the nightly runs are over. Failed pods are kept until then,
for whoever looks into them; a week is enough.

## If it fails
Nothing is half-deleted. "refuses": the account of Airflow lacks a right of `deploy/kubernetes/access.yaml`. "does not
answer": it is tried again by itself. What was missed goes the next day.

## Params
`days`: since when something has to be over. `limit`: objects that a run deletes at most, over all of its tries.
`dry_run`: list, delete nothing.
"""

import pendulum
from airflow.sdk import Param, dag

from baton.defaults import TIMEZONE, default_args
from baton.queues import Queue
from baton.workloads import CleanUpClusterOperator
from baton.workloads.maintenance_tasks import maintenance_params

DAYS = Param(7, type="number", minimum=0, description="Since how many days something has to be over.")


@dag(
    schedule="0 5 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(Queue.LOW),
    params={"days": DAYS, **maintenance_params(limit=500)},
    tags=["area/maintenance", "tier/3"],
    doc_md=__doc__,
)
def clean_up_cluster() -> None:
    CleanUpClusterOperator(
        task_id="clean_up",
        days="{{ params.days }}",
        limit="{{ params.limit }}",
        dry_run="{{ params.dry_run }}",
    )


clean_up_cluster()
