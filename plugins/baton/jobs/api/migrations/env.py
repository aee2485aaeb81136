"""Alembic's entry: runs the migrations of the API's table in Airflow's database."""

from baton.airflow_internals.migrations import run_migrations
from baton.jobs.api.db_manager import JobsApiDbManager

run_migrations(JobsApiDbManager)
