"""Airflow DAGs of the shop's jobs that are examples: with them the same stack runs all ten."""

from baton.jobs import job_dags
from baton.settings import settings

globals().update(job_dags(settings().data("jobs", "examples")))
