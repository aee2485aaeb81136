"""
## What
Compares the ledger with payments and orders, names each difference, and asks for an approval when they are together
above a limit.

## Inputs → outputs
The shop (orders, payments, ledger_entries) of the last 90 days → report by mail, one row in the delivery ledger,
and the asset `reconciled` when all agrees, is within the limit or was approved.

## Schedule and why
At each close of the Frankfurt exchange (XFRA): 17:30, 14:00 on half days, not on its holidays. Its calendar is a file,
made by `python -m baton_workloads reports market-closes`.

## If it fails
`render`: the log names the query or the file. `deliver`: the message names the channel that failed; the files are kept
and the next try sends only through that channel. Clear the failed task: nothing is sent twice.
`approve`: nobody answered within a week; look at the report, then clear the task and answer it under *Required
actions*. A rejection ends the run without the asset.

## Params
`threshold`: the sum of differences in EUR above which somebody has to approve. `send_again`: send also what was sent
before.
"""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, dag, task

from baton.assets import RECONCILED
from baton.defaults import TIMEZONE, default_args
from baton.pools import SOURCE
from baton.reports import MarketCloseTimetable
from baton.reports.approval import who_closes
from baton.reports.tasks import SEND_AGAIN, deliver, render
from baton.schedules import RUN_MOMENT
from baton.settings import settings
from baton.workloads import result_of

LOOK_BACK_HOURS = 90 * 24


@dag(
    schedule=MarketCloseTimetable(settings().exchange),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=10,  # a day that waits for its approval must not hold up the next ones
    default_args=default_args(),
    params={"threshold": Param(500, type="integer", minimum=0, title="Limit of differences, EUR"), **SEND_AGAIN},
    tags=["area/reports", "tier/1"],
    doc_md=__doc__,
)
def reconcile_finances() -> None:
    options = ["--hours", str(LOOK_BACK_HOURS), "--input", "threshold={{ params.threshold }}"]
    compare = render("reconciliation", *options, run_key=RUN_MOMENT, pool=SOURCE.name)
    decide = task.branch(who_closes, task_id="decide")(result_of("render", "facts", "needs_approval"))
    approve = ApprovalOperator(
        task_id="approve",
        subject="Ledger and payments differ by more than the limit",
        body="The report went by mail. Approve to close the day as it is; reject to leave it open.",
        response_timeout=timedelta(days=7),
        execution_timeout=None,
    )
    close = EmptyOperator(task_id="close", outlets=[RECONCILED], trigger_rule="none_failed_min_one_success")
    compare >> deliver("reconciliation") >> decide >> [approve, close]
    approve >> close


reconcile_finances()
