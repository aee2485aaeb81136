"""Airflow DAGs of the CronJobs beside this folder."""

from pathlib import Path

from baton.cronjobs.dags import cronjob_dags

globals().update(cronjob_dags(Path(__file__).parents[1] / "cronjobs", namespace="baton"))
