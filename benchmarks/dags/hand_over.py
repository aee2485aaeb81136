"""A chain of pods that do next to nothing: each waits a second and passes a number on."""

from itertools import pairwise

import pendulum
from airflow.sdk import dag

from baton.workloads.operator import WorkloadOperator

PODS = 10
RESULT = "${LOCAL_KUBERNETES_MOUNT_AIRFLOW_XCOM:-/airflow/xcom}/return.json"


def pod(number: int) -> WorkloadOperator:
    """Return the task of one pod; it reads the result of the one before it."""
    before = f"{{{{ ti.xcom_pull(task_ids='pod_{number - 1}')['number'] }}}}" if number else "-1"
    task = WorkloadOperator(task_id=f"pod_{number}", command=[], image="busybox:latest")
    task.cmds = ["sh", "-c"]
    task.arguments = [f"sleep 1; echo '{{\"number\": '$(({before} + 1))'}}' > {RESULT}"]
    return task


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1), catchup=False, max_active_runs=1)
def hand_over() -> None:
    tasks = [pod(number) for number in range(PODS)]
    for before, after in pairwise(tasks):
        before >> after


hand_over()
