"""
## What
Tells what is in stock and what it is worth, what is below its reorder point, what runs out first and what does not
move, as mail with PDF.

## Inputs → outputs
The shop (inventory, products, a week's orders; the warehouse has no stock) → page, PDF, chart in the bucket *reports*,
one row in the delivery ledger, a mail.

## Schedule and why
Every Monday at 08:00 in the installation's time zone, for the week that ended: before the buyers meet. Stock is a
state, not a load, so it follows the clock.

## If it fails
`render`: the log names the query or the file. `deliver`: the message names the channel that failed; the files are kept
and the next try sends only through that channel. Clear the failed task: nothing is sent twice.

## Params
`day`: report as if it ran on this day (ISO date). `send_again`: send also what was sent before.
"""

import pendulum
from airflow.sdk import CronTriggerTimetable, dag

from baton.defaults import TIMEZONE, default_args
from baton.pools import SOURCE
from baton.reports.tasks import DAY_AND_SEND_AGAIN, DAY_OR_RUN_KEY, deliver, render


@dag(
    schedule=CronTriggerTimetable("0 8 * * 1", timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    params=DAY_AND_SEND_AGAIN,
    tags=["area/reports", "tier/3"],
    doc_md=__doc__,
)
def report_weekly_inventory() -> None:
    render("weekly_inventory", run_key=DAY_OR_RUN_KEY, pool=SOURCE.name) >> deliver("weekly_inventory")


report_weekly_inventory()
