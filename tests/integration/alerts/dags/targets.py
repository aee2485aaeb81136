"""DAGs that alerts may start in tests; they do nothing."""

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param

for dag_id in ("diagnose", "heal"):
    with DAG(dag_id, schedule=None, start_date=pendulum.datetime(2026, 1, 1), catchup=False):
        EmptyOperator(task_id="nothing")

with DAG(
    "picky",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
    params={"size": Param(type="integer")},
):
    EmptyOperator(task_id="nothing")
