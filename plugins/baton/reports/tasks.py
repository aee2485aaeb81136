"""The tasks of a report's DAG: render it in a pod, deliver it from here."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from baton.defaults import TIMEZONE
from baton.reports.operator import DeliverReportOperator
from baton.reports.recipients import read_recipients
from baton.schedules.run_keys import RUN_KEY
from baton.settings import settings
from baton.workloads.operator import WorkloadOperator
from baton.workloads.results import result_of

DAY_OR_RUN_KEY = "{{ params.day or macros.baton.run_key(dag_run, dag) }}"
"""The day as which a report is rendered: the run's own, or another one that somebody asked for."""
PART = "{{ dag_run.run_id | replace(':', '-') | replace('+', '-') | replace('~', '-') if params.send_again else '' }}"

SEND_AGAIN = {"send_again": Param(False, type="boolean", title="Send again what was sent before")}
DAY_AND_SEND_AGAIN = {
    "day": Param(None, type=["null", "string"], format="date", title="Report as on this day"),
    **SEND_AGAIN,
}
"""What a person who starts a report by hand can say."""


def render(report: str, *arguments: str, run_key: str = RUN_KEY, **options: Any) -> WorkloadOperator:
    """Return the task that renders a report; it gives the manifest's address.

    :param arguments: more words for the command. (templated)
    :param options: passed to the operator.
    """
    return WorkloadOperator(
        task_id="render",
        command=["reports", "render", report, "--run-key", run_key, "--zone", TIMEZONE, "--part", PART, *arguments],
        **{"secret_names": ["baton-report"], "size": "medium", **options},
    )


def deliver(report: str, **options: Any) -> DeliverReportOperator:
    """Return the task that delivers what `render` made, to the recipients that `recipients.yaml` names."""
    return DeliverReportOperator(
        task_id="deliver",
        manifest=result_of("render", "manifest"),
        recipients=read_recipients(settings().data("reports", "recipients.yaml"), report),
        **options,
    )
