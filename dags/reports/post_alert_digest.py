"""
## What
Tells by mail and Slack which alerts fire, which began since the last digest, and what the alert receiver did with them.

## Inputs → outputs
Alertmanager's API (connection `alertmanager_default`) and the receiver's table → one digest, one row in the delivery
ledger. A source that is not connected or does not answer is named in the digest.

## Schedule and why
On weekdays at 08:00 in the installation's time zone, for the 24 hours before; on Mondays for the 72 hours since
Friday's digest.

## If it fails
`collect`: the object store cannot be written. `render`: the log names the query or the file. `deliver`: the message
names the channel that failed; the files are kept and the next try sends only through that channel. Clear the failed
task: nothing is sent twice.

## Params
`send_again`: send also what was sent before.
"""

import pendulum
from airflow.sdk import CronTriggerTimetable, dag, task

from baton.defaults import TIMEZONE, default_args
from baton.reports.collect_alerts import collect_alerts
from baton.reports.tasks import SEND_AGAIN, deliver, render
from baton.schedules import RUN_MOMENT

HOURS = "{{ macros.baton.hours_since_workday(dag_run, dag) }}"


@dag(
    schedule=CronTriggerTimetable("0 8 * * 1-5", timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    params=SEND_AGAIN,
    tags=["area/reports", "tier/3"],
    doc_md=__doc__,
)
def post_alert_digest() -> None:
    collect = task(collect_alerts, task_id="collect")(RUN_MOMENT, HOURS)
    alerts = "alerts={{ ti.xcom_pull(task_ids='collect') }}"
    digest = render("alert_digest", "--hours", HOURS, "--input", alerts, run_key=RUN_MOMENT)
    collect >> digest >> deliver("alert_digest")


post_alert_digest()
