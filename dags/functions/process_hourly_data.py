"""
## What
Processes what outside systems (payments, parcels, CRM, signatures) have delivered to the shop during the last hour.

## Inputs → outputs
The function `process-hourly-data` reads deliveries in `incoming_webhooks` that are due → their status, and a count.

## Schedule and why
Every hour, five minutes past, when the deliveries of the hour have arrived. One run at a time. A missed hour is not
made up for: the next run takes everything that is due.

## If it fails
Clearing the task is always safe: a delivery is processed once. "did not answer within": the call was accepted and its
answer did not come; look at the function's log under the call's id.

## Params
`source`: only the deliveries of one system; `all` by default. `type`: `backfill` also takes deliveries that wait for
their next attempt.
"""

import pendulum
from airflow.sdk import CronTriggerTimetable, Param, dag

from baton.defaults import TIMEZONE, default_args
from baton.functions import CALLBACK, InvokeFunctionOperator


@dag(
    schedule=CronTriggerTimetable("5 * * * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    params={
        "source": Param("all", enum=["all", "payments", "parcels", "crm", "signatures"]),
        "type": Param("hourly", enum=["hourly", "backfill"]),
    },
    tags=["area/functions", "tier/2"],
    doc_md=__doc__,
)
def process_hourly_data() -> None:
    InvokeFunctionOperator(
        task_id="process_deliveries",
        function="process-hourly-data",
        payload={
            "timestamp": "{{ dag_run.run_after.isoformat() }}",
            "source": "{{ params.source }}",
            "type": "{{ params.type }}",
        },
        mode=CALLBACK,
        timeout_seconds=1200,
    )


process_hourly_data()
