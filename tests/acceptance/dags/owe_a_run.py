"""
## What
DAGs that are off and owe a run, one for each kind of timetable, and one whose run takes its time.

## If it fails
It does not.
"""

import pendulum
from airflow.sdk import CronPartitionTimetable, CronTriggerTimetable, MultipleCronTriggerTimetable, dag, task

ZONE = "Europe/Prague"
SCHEDULES = {
    "owes_by_words": "0 1 * * *",
    "owes_by_cron": CronTriggerTimetable("0 1 * * *", timezone=ZONE),
    "owes_by_crons": MultipleCronTriggerTimetable("0 1 * * *", "0 2 * * *", timezone=ZONE),
    "owes_by_partition": CronPartitionTimetable("0 1 * * *", timezone=ZONE, key_format="%Y-%m-%d"),
    "owes_with_parameters": CronTriggerTimetable("0 1 * * *", timezone=ZONE),
    "owes_a_partition": CronPartitionTimetable("0 1 * * *", timezone=ZONE, key_format="%Y-%m-%d"),
    "owes_nothing": None,
    "takes_its_time": None,
}


def make(dag_id: str) -> None:
    @dag(
        dag_id=dag_id,
        schedule=SCHEDULES[dag_id],
        start_date=pendulum.datetime(2026, 1, 1, tz=ZONE),
        catchup=False,
        doc_md=__doc__,
    )
    def owe_a_run() -> None:
        @task(retries=0)
        def work(dag_run=None) -> None:
            import time

            time.sleep(dag_run.conf.get("seconds", 0))

        work()

    owe_a_run()


for name in SCHEDULES:
    make(name)
