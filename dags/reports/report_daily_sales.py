"""
## What
Tells what was sold yesterday: revenue, orders, categories, products and payments, compared with the same weekday a week
before, as mail with PDF and as a Slack message.

## Inputs → outputs
The warehouse (orders, lines, products, payments; masked) → page, PDF, charts in the bucket *reports*, one row in the
delivery ledger, a mail and a Slack message to whom `include/reports/recipients.yaml` names.

## Schedule and why
When the asset `warehouse` is updated, which is each day after the validated load. Not by the clock: a report on data
that has not arrived is worse than a late one. That the warehouse is late is said by `load_warehouse`'s own deadline.

## If it fails
`render`: the log names the query or the file. `deliver`: the message names the channel that failed; the files are kept
and the next try sends only through that channel. Clear the failed task: nothing is sent twice.

## Params
`day`: report as if it ran on this day (ISO date). `send_again`: send also what was sent before.
"""

import pendulum
from airflow.sdk import PartitionedAssetTimetable, dag

from baton.assets import WAREHOUSE
from baton.defaults import TIMEZONE, default_args
from baton.reports.tasks import DAY_AND_SEND_AGAIN, DAY_OR_RUN_KEY, deliver, render


@dag(
    schedule=PartitionedAssetTimetable(assets=WAREHOUSE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    params=DAY_AND_SEND_AGAIN,
    tags=["area/reports", "tier/2"],
    doc_md=__doc__,
)
def report_daily_sales() -> None:
    render("daily_sales", run_key=DAY_OR_RUN_KEY) >> deliver("daily_sales")


report_daily_sales()
