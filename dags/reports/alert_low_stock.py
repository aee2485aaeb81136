"""
## What
Tells Slack which items have newly run below their reorder point. An item is reported once, and again only after it had
recovered; when there is nothing new, nothing is posted.

## Inputs → outputs
The shop's inventory → one Slack message, one row in the delivery ledger; the warehouse's table
`baton.low_stock_episodes` remembers what was reported.

## Schedule and why
Every four hours, at 00:00, 04:00 … in the installation's time zone: often enough to order in time, seldom enough to
be read.

## If it fails
`render`: the log names the query or the file. `deliver`: the message names the channel that failed; the files are kept
and the next try sends only through that channel. Clear the failed task: nothing is sent twice.

## Params
`send_again`: send also what was sent before.
"""

import pendulum
from airflow.sdk import CronTriggerTimetable, dag

from baton.defaults import TIMEZONE, default_args
from baton.pools import SOURCE
from baton.reports.tasks import SEND_AGAIN, deliver, render
from baton.schedules import RUN_MOMENT


@dag(
    schedule=CronTriggerTimetable("0 */4 * * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    params=SEND_AGAIN,
    tags=["area/reports", "tier/2"],
    doc_md=__doc__,
)
def alert_low_stock() -> None:
    render("low_stock", run_key=RUN_MOMENT, pool=SOURCE.name) >> deliver("low_stock", skip_empty=True)


alert_low_stock()
