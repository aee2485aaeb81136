"""Airflow DAGs of the CronJobs beside this file: chains that tick every few minutes; a test sees several runs."""

from pathlib import Path

from baton.cronjobs.dags import cronjob_dags

globals().update(cronjob_dags(Path(__file__).parent))
