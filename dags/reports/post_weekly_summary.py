"""
## What
Posts last week's sales to Slack: revenue, orders, the days, the products that brought most.

## Inputs → outputs
The warehouse (orders, lines, products; masked) → one Slack message with links to page and PDF in the bucket *reports*,
one row in the delivery ledger.

## Schedule and why
Every Monday at 09:00 in the installation's time zone, when people are there to read it. The message itself says when
the warehouse has not been loaded since the week ended.

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
    schedule=CronTriggerTimetable("0 9 * * 1", timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    params=DAY_AND_SEND_AGAIN,
    tags=["area/reports", "tier/3"],
    doc_md=__doc__,
)
def post_weekly_summary() -> None:
    render("weekly_summary", run_key=DAY_OR_RUN_KEY) >> deliver("weekly_summary")


post_weekly_summary()
