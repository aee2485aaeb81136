"""Airflow DAGs of the Kubernetes CronJobs in include/cronjobs: each manifest and each chain makes its own."""

from pathlib import Path

from baton.cronjobs.dags import cronjob_dags

globals().update(cronjob_dags(Path(__file__).parents[2] / "include" / "cronjobs"))
