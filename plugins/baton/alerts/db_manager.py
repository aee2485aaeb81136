"""Makes the receiver's tables with `airflow db migrate`, where `[database] external_db_managers` names this class."""

from __future__ import annotations

from pathlib import Path

from baton.airflow_internals.migrations import BaseDBManager
from baton.alerts.tables import METADATA

_FOLDER = Path(__file__).parent


class AlertsDbManager(BaseDBManager):
    """Has its own versions in its own version table, beside Airflow's."""

    metadata = METADATA
    migration_dir = str(_FOLDER / "migrations")
    alembic_file = str(_FOLDER / "migrations" / "alembic.ini")
    version_table_name = "alembic_version_baton_alerts"
    supports_table_dropping = True

    def downgrade(
        self, to_revision: str, from_revision: str | None = None, show_sql_only: bool = False
    ) -> None:  # pragma: no cover - there is one version yet
        """Go back to an older version of the tables."""
        from alembic import command

        span = f"{from_revision}:{to_revision}" if from_revision else to_revision
        config = self.get_alembic_config()  # type: ignore[no-untyped-call]
        command.downgrade(config, revision=span, sql=show_sql_only)
