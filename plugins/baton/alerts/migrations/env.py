"""Alembic's entry: runs the migrations of the receiver's tables in Airflow's database."""

from typing import Any

from alembic import context

from baton.airflow_internals.migrations import database_address, database_engine
from baton.alerts.db_manager import AlertsDbManager


def _run() -> None:
    options: dict[str, Any] = {
        "target_metadata": AlertsDbManager.metadata,
        "version_table": AlertsDbManager.version_table_name,
    }
    if context.is_offline_mode():
        context.configure(url=database_address(), literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    with database_engine().connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True, **options)
        with context.begin_transaction():
            context.run_migrations()


_run()
