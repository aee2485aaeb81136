"""The task that the examples put behind all others, so that a failure before their last task fails the run."""

from airflow.sdk import TriggerRule, task
from airflow.sdk.exceptions import AirflowException


@task(trigger_rule=TriggerRule.ONE_FAILED, retries=0)
def watcher() -> None:
    """Fail where any task before failed; skipped else.

    :raises AirflowException: always.
    """
    raise AirflowException("a task before failed")
