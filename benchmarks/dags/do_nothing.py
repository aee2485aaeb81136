"""A DAG whose runs cost nothing, for measuring what starts them."""

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1), catchup=False, max_active_runs=100)
def do_nothing() -> None:
    EmptyOperator(task_id="nothing")


do_nothing()
