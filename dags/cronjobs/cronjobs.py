"""Airflow DAGs of the Kubernetes CronJobs in include/cronjobs: each manifest and each chain makes its own."""

from baton.cronjobs import cronjob_dags
from baton.settings import settings

globals().update(cronjob_dags(settings().data("cronjobs")))
