"""
## What
Asks an application for the addresses in `include/maintenance/warm_caches.yaml`, so that the first customer after a
deployment does not wait for cold caches. A limited number at a time, no faster than the plan says.

## Inputs → outputs
The assets `deployment` and `caches_invalidated`, whose events are posted by whoever deploys or invalidates → warm
caches, and for each address its status and how long it took.

## Schedule and why
Whenever one of the two assets has an event, because only that makes caches cold. Events that come during a run are
answered by one more run.

## If it fails
More addresses failed than the plan bears, and the last line names the first of them; it is tried again by itself. If
the application is well, correct the plan. Nobody depends on this run: it may also be left alone.

## Params
`dry_run`: name the addresses, ask for none.
"""

import pendulum
from airflow.sdk import dag

from baton.assets import CACHES_INVALIDATED, DEPLOYMENT
from baton.defaults import default_args
from baton.queues import Queue
from baton.settings import settings
from baton.workloads.maintenance_tasks import DRY_RUN, maintain, maintenance_params, read_plan

PLAN = read_plan(settings().data("maintenance", "warm_caches.yaml"))


@dag(
    schedule=DEPLOYMENT | CACHES_INVALIDATED,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(Queue.LOW),
    params=maintenance_params(),
    tags=["area/maintenance", "tier/3"],
    doc_md=__doc__,
)
def warm_caches() -> None:
    maintain("warm", *DRY_RUN, env_vars=PLAN)


warm_caches()
