"""Alembic's entry: runs the migrations of the receiver's tables in Airflow's database."""

from typing import Any

from airflow import settings
from alembic import context

from baton.alerts.db_manager import AlertsDbManager


def _run() -> None:
    options: dict[str, Any] = {
        "target_metadata": AlertsDbManager.metadata,
        "version_table": AlertsDbManager.version_table_name,
    }
    if context.is_offline_mode():
        context.configure(url=settings.SQL_ALCHEMY_CONN, literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = settings.get_engine()  # type: ignore[no-untyped-call]
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True, **options)
        with context.begin_transaction():
            context.run_migrations()


_run()
