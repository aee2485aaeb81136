"""Alembic's entry: runs the migrations of the receiver's tables in Airflow's database."""

from baton.airflow_internals.migrations import run_migrations
from baton.alerts.db_manager import AlertsDbManager

run_migrations(AlertsDbManager)
