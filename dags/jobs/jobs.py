"""Airflow DAGs of the job files in include/jobs: each job makes its own."""

from baton.jobs import job_dags
from baton.settings import settings

globals().update(job_dags(settings().data("jobs")))
