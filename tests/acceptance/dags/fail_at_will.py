"""
## What
Fails, or does not, as its run is told; the watch notifies people of it.

## If it fails
Turn it off & on again.
"""

import pendulum
from airflow.sdk import dag, task


def fails_as_told(dag_id: str) -> None:
    @dag(dag_id=dag_id, schedule=None, start_date=pendulum.datetime(2026, 1, 1), catchup=False, doc_md=__doc__)
    def fail() -> None:
        @task(retries=0)
        def decide(dag_run=None) -> None:
            print("the line before the end")
            if dag_run.conf.get("fails"):
                raise ValueError("because it was told to <b>fail</b>")

        decide()

    fail()


for name in ("fail_at_will", "fail_when_triggered"):  # the watch counts failures by DAG: each test has its own
    fails_as_told(name)
