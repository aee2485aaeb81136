"""Makes the receiver's tables with `airflow db migrate`, where `[database] external_db_managers` names this class."""

from __future__ import annotations

from pathlib import Path

from baton.airflow_internals.migrations import OwnTablesManager
from baton.alerts.tables import METADATA

_FOLDER = Path(__file__).parent / "migrations"


class AlertsDbManager(OwnTablesManager):
    """The receiver's tables."""

    metadata = METADATA
    migration_dir = str(_FOLDER)
    alembic_file = str(_FOLDER / "alembic.ini")
    version_table_name = "alembic_version_baton_alerts"
