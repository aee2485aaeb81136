"""Pods that count aloud, side by side and one after another, for tests that kill things meanwhile."""

from itertools import pairwise

import pendulum
from airflow.sdk import dag

from baton.workloads.operator import WorkloadOperator

LINES = 30
COLUMNS, ROWS = 4, 3


def counting(name: str) -> WorkloadOperator:
    """Return a task whose pod writes a numbered line five times a second."""
    script = f"for n in $(seq {LINES}); do echo line $n of {LINES}; sleep 0.2; done"
    task = WorkloadOperator(
        task_id=name, command=[], image="busybox:latest", retries=50, retry_delay=pendulum.duration(seconds=1)
    )
    task.cmds, task.arguments = ["sh", "-c"], [script]
    task.retry_exponential_backoff = 0
    return task


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1), catchup=False, max_active_runs=2)
def count_lines() -> None:
    for column in range(COLUMNS):
        tasks = [counting(f"pod_{column}_{row}") for row in range(ROWS)]
        for before, after in pairwise(tasks):
            before >> after


count_lines()
