"""Two tasks that hold a worker each for as long as a param says, so that a measured chain has to share."""

import time

import pendulum
from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1), catchup=False, max_active_runs=1)
def keep_workers_busy() -> None:
    @task
    def hold(_: int) -> None:
        time.sleep(get_current_context()["dag_run"].conf["seconds"])

    hold.expand(_=[1, 2])


keep_workers_busy()
