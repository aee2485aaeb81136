"""
## What
Copies new backups to other buckets or regions, hashes every copy there, and says how far each replica was behind.

## Inputs → outputs
The bucket *backups* → every address of `BATON_REPLICA_URI` in the Secret `baton-replicate`.

## Schedule and why
As soon as a backup was proven (the asset `backups`), not on the clock: at a fixed hour it would copy yesterday's backup
on the day on which today's is late.

## If it fails
The first store is untouched. Clearing the task is always safe: what was copied is hashed and not copied again. "was
rolled back" or "was replaced": somebody has changed the first store; the replica holds what it had. docs/backups.md
says what to do.

## Params
`days`, `daily`, `weekly`, `monthly`: what is kept in the replicas; the last proven backup always is.
"""

import pendulum
from airflow.sdk import dag

from baton.assets import BACKUPS
from baton.defaults import TIMEZONE, default_args
from baton.queues import Queue
from baton.workloads.backup_stages import backup_stage, retention

KEPT = {"days": 90, "daily": 0, "weekly": 0, "monthly": 24}


@dag(
    schedule=[BACKUPS],
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(Queue.LOW),
    params=KEPT,
    tags=["area/backups", "tier/1"],
    doc_md=__doc__,
)
def replicate_backups() -> None:
    backup_stage("replicate", *retention(KEPT), size="medium")


replicate_backups()
