"""What `airflow db migrate` runs for tables of others, and where those stand: `[database] external_db_managers`."""

from __future__ import annotations

from typing import Any

from airflow import settings
from airflow.utils.db_manager import BaseDBManager

__all__ = ["OwnTablesManager", "run_migrations"]


class OwnTablesManager(BaseDBManager):
    """Tables with versions of their own in a version table of their own, beside Airflow's.

    A subclass says `metadata`, `migration_dir`, `alembic_file` and `version_table_name`.
    """

    supports_table_dropping = True

    def downgrade(
        self, to_revision: str, from_revision: str | None = None, show_sql_only: bool = False
    ) -> None:  # pragma: no cover - there is one version yet
        """Go back to an older version of the tables."""
        from alembic import command

        span = f"{from_revision}:{to_revision}" if from_revision else to_revision
        config = self.get_alembic_config()  # type: ignore[no-untyped-call]
        command.downgrade(config, revision=span, sql=show_sql_only)


def run_migrations(manager: type[OwnTablesManager]) -> None:
    """Alembic's entry: run the migrations of a manager's tables in Airflow's database."""
    from alembic import context

    options: dict[str, Any] = {"target_metadata": manager.metadata, "version_table": manager.version_table_name}
    if context.is_offline_mode():
        context.configure(url=str(settings.SQL_ALCHEMY_CONN), literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    with settings.get_engine().connect() as connection:  # type: ignore[no-untyped-call]
        context.configure(connection=connection, transaction_per_migration=True, **options)
        with context.begin_transaction():
            context.run_migrations()
