"""
## What
Brings the shop's stock up to what the warehouse system knows.

## Inputs → outputs
The warehouse system's API (address and token in the Secret `baton-inventory`), from the watermark in `sync_watermarks`
on → the shop's `inventory`. A row is only replaced by a newer version of itself.

## Schedule and why
Every 30 minutes. One run at a time; a run that finds another one at work leaves it the work.

## If it fails
Transient errors (no answer, 429, 5xx) are retried, and the next run goes on where this one was. "not as agreed": the
API gave items that cannot be right; the others are stored and the watermark stays, so nothing is lost. "answers 401":
renew the token in the Secret.

## Params
None.
"""

import pendulum
from airflow.sdk import CronTriggerTimetable, dag

from baton.assets import INVENTORY
from baton.defaults import TIMEZONE, default_args
from baton.workloads import WorkloadOperator


@dag(
    schedule=CronTriggerTimetable("*/30 * * * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    tags=["area/reports", "tier/1"],
    doc_md=__doc__,
)
def sync_inventory() -> None:
    WorkloadOperator(
        task_id="sync", command=["inventory", "sync"], secret_names=["baton-inventory"], outlets=[INVENTORY]
    )


sync_inventory()
