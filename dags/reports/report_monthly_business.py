"""
## What
Tells how the month before went: revenue, margin, customers, returns, by category, country and segment, with the last
thirteen months, as mail with PDF.

## Inputs → outputs
The warehouse (orders, lines, products, customers, payments; masked) → page, PDF, charts in the bucket *reports*, one
row in the delivery ledger, a mail.

## Schedule and why
On the 1st of each month at 07:00 in the installation's time zone, six hours after the daily load began. The report
itself says when the warehouse has not been loaded since the month ended.

## If it fails
`render`: the log names the query or the file. `deliver`: the message names the channel that failed; the files are kept
and the next try sends only through that channel. Clear the failed task: nothing is sent twice.

## Params
`day`: report as if it ran on this day (ISO date). `send_again`: send also what was sent before.
"""

import pendulum
from airflow.sdk import CronTriggerTimetable, dag

from baton.defaults import TIMEZONE, default_args
from baton.reports.tasks import DAY_AND_SEND_AGAIN, DAY_OR_RUN_KEY, deliver, render


@dag(
    schedule=CronTriggerTimetable("0 7 1 * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    params=DAY_AND_SEND_AGAIN,
    tags=["area/reports", "tier/2"],
    doc_md=__doc__,
)
def report_monthly_business() -> None:
    render("monthly_business", run_key=DAY_OR_RUN_KEY) >> deliver("monthly_business")


report_monthly_business()
