"""A Job that counts aloud and leaves a result, and one that somebody has to stop."""

from pathlib import Path

import pendulum
from airflow.sdk import dag

from baton.cronjobs.operator import JobOperator
from baton.cronjobs.templates.source import FileSource

MANIFESTS = str(Path(__file__).parent / "cron_jobs.yaml")


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1), catchup=False)
def run_jobs() -> None:
    JobOperator(task_id="count", source=FileSource(MANIFESTS, "count"), result="termination_message")
    JobOperator(task_id="sleep", source=FileSource(MANIFESTS, "sleep"))


run_jobs()
