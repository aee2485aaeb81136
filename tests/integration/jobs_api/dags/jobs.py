"""Jobs of each kind for tests: from a file, a CronJob's schedule, Python. They do nothing."""

from pathlib import Path

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param

from baton.cronjobs.timetable import CronJobTimetable
from baton.jobs import job_dags

globals().update(job_dags(Path(__file__).parents[1] / "files"))
START = pendulum.datetime(2026, 1, 1)

with DAG(
    "nightly_build",
    description="Builds at night.",
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    params={"branch": Param("main", type="string"), "run_tests": Param(True, type="boolean")},
    default_args={"queue": "low"},
    tags=["area/etl", "team/build"],
):
    EmptyOperator(task_id="build") >> EmptyOperator(task_id="test")

with DAG("shop__backup", schedule=CronJobTimetable("30 1 * * *", "Europe/Prague"), tags=["cronjob"]):
    EmptyOperator(task_id="backup")

with DAG("by_hand", schedule=None, start_date=START):
    EmptyOperator(task_id="nothing")
