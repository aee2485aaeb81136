"""A mapped HttpOperator: one task for each item, as Airflow's own way to call something for many items."""

import json
import os

import pendulum
from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import dag


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1), catchup=False)
def call_one_by_one() -> None:
    bodies = [json.dumps({"items": [item]}) for item in range(int(os.environ.get("BENCHMARK_CALLS", "50")))]
    HttpOperator.partial(task_id="call", http_conn_id="benchmark_http", endpoint="f", method="POST").expand(data=bodies)


call_one_by_one()
