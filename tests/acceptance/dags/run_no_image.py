"""
## What
A pod whose image stands for nothing on this machine.

## If it fails
It never starts.
"""

import pendulum
from airflow.sdk import dag

from baton.workloads.operator import WorkloadOperator


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1), catchup=False, doc_md=__doc__)
def run_no_image() -> None:
    WorkloadOperator(task_id="run", command=["watch"], image="registry.example/nobody/knows:1", retries=0)


run_no_image()
