"""
## What
Decides about the shop's pending orders: paid, cancelled after fourteen days, or left to wait.

## Inputs → outputs
Pending orders, read once and kept in the bucket *functions* → their status, by the function `process-pending-items` in
batches of 100, and a result manifest with the failed items in the same folder.

## Schedule and why
Every day at 03:00 in the installation's time zone, when nobody works on orders. One run at a time; a missed run
is not made up for: the next one takes all orders that are pending then.

## If it fails
Clearing the task sends only the batches that have no answer yet, of the same items. "… items failed": `failures.jsonl`
beside the result names them and why. "got no answer": look at the gateway; nothing is lost.

## Params
`as_of`: the moment at which an order's age is measured, instead of the run's own.
"""

import pendulum
from airflow.sdk import CronTriggerTimetable, Param, dag

from baton.defaults import TIMEZONE, default_args
from baton.functions import InvokeFunctionBatchOperator


@dag(
    schedule=CronTriggerTimetable("0 3 * * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    params={"as_of": Param(None, type=["null", "string"], format="date-time")},
    tags=["area/functions", "tier/2"],
    doc_md=__doc__,
)
def process_pending_items() -> None:
    InvokeFunctionBatchOperator(
        task_id="process_orders",
        function="process-pending-items",
        items="SELECT id FROM orders WHERE status = 'pending' ORDER BY id",
        sql_conn_id="shop",
        payload={"as_of": "{{ params.as_of or dag_run.run_after.isoformat() }}"},
        result_uri="s3://functions",
        batch_size=100,
        asynchronous=True,
        failure_threshold=0.01,
    )


process_pending_items()
