"""
## What
Deletes what has expired: sessions, archived job executions, report files. In batches, and never more in one run than
its limit, however often it is killed and tried again. What is marked `protected` stays.

## Inputs → outputs
The shop's tables `sessions` and `job_executions`, the files in the bucket *reports* → the same without what has
expired, and how many there were, are left and are protected.

## Schedule and why
Sessions every hour, job executions at 02:00 and report files at 03:00, in the installation's time zone: sessions are
many and small, the others can wait for the daily run. What was missed is not made up for: the next run deletes it.

## If it fails
Nothing half-deleted is left; the next try goes on with what is left of the same limit. "limit_reached" in the result is
no failure: if it stays so for days, raise `limit`. A limit that is reached at once is a reason to look first.

## Params
`only`: which of the three a run by hand does. `dry_run`: count, delete nothing. `limit`: rows or files that one task
deletes at most, over all of its tries.
"""

import pendulum
from airflow.sdk import dag

from baton.defaults import TIMEZONE, default_args
from baton.queues import Queue
from baton.schedules import CronTable, choose
from baton.workloads.maintenance_tasks import LIMITED, maintain, maintenance_params

TABLE = CronTable(
    {"delete_sessions": "0 * * * *", "delete_job_executions": "0 2 * * *", "delete_report_files": "0 3 * * *"},
    zone=TIMEZONE,
)


@dag(
    schedule=TABLE.timetable(),
    start_date=pendulum.datetime(2026, 1, 1, tz=TABLE.zone),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(Queue.LOW),
    params={**TABLE.params(), **maintenance_params(limit=100_000)},
    tags=["area/maintenance", "tier/2"],
    doc_md=__doc__,
)
def clean_up_data() -> None:
    choose(TABLE) >> [
        maintain("delete-sessions", *LIMITED, "--days", "1"),
        maintain("delete-job-executions", *LIMITED, "--days", "30"),
        maintain("delete-report-files", *LIMITED, "--days", "90"),
    ]


clean_up_data()
