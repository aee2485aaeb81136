"""What `airflow db migrate` runs for tables of others, and where those stand: `[database] external_db_managers`."""

from __future__ import annotations

from typing import Any

from airflow import settings
from airflow.utils.db_manager import BaseDBManager

__all__ = ["BaseDBManager", "database_address", "database_engine"]


def database_address() -> str:
    """The address of Airflow's database, with its password."""
    return str(settings.SQL_ALCHEMY_CONN)


def database_engine() -> Any:
    """SQLAlchemy's engine of it."""
    return settings.get_engine()  # type: ignore[no-untyped-call]
