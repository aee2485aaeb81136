"""
## What
Mails each user of the shop who wants it a summary of yesterday: the orders that they handle, and what is still pending.

## Inputs → outputs
The function `send-daily-summary` reads users and orders → one mail for each user, one row in `job_executions` for each.

## Schedule and why
Every day at 08:00 in the installation's time zone, before the day's work begins. A missed morning is not made up for:
nobody wants yesterday's mail at noon.

## If it fails
Clearing the task is always safe: each user gets a day's summary at most once. "answered 503": the mail server refused
some mails; they are sent with the next try. "cannot be reached": check the connection functions_default and the
gateway.

## Params
`day`: another day than yesterday, as an ISO date.
"""

import pendulum
from airflow.sdk import CronTriggerTimetable, Param, dag

from baton.defaults import TIMEZONE, default_args
from baton.functions import InvokeFunctionOperator


@dag(
    schedule=CronTriggerTimetable("0 8 * * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    params={"day": Param(None, type=["null", "string"], format="date")},
    tags=["area/functions", "tier/3"],
    doc_md=__doc__,
)
def send_daily_summary() -> None:
    InvokeFunctionOperator(
        task_id="send_summaries",
        function="send-daily-summary",
        payload={"day": "{{ params.day or macros.ds_add(macros.baton.run_key(dag_run, dag), -1) }}"},
        timeout_seconds=900,
    )


send_daily_summary()
