"""Makes the API's table with `airflow db migrate`, where `[database] external_db_managers` names this class."""

from __future__ import annotations

from pathlib import Path

from baton.airflow_internals.migrations import OwnTablesManager
from baton.jobs.api.tables import METADATA

_FOLDER = Path(__file__).parent / "migrations"


class JobsApiDbManager(OwnTablesManager):
    """The API's table."""

    metadata = METADATA
    migration_dir = str(_FOLDER)
    alembic_file = str(_FOLDER / "alembic.ini")
    version_table_name = "alembic_version_baton_jobs_api"
