"""Airflow connections that may be missing."""

from __future__ import annotations

from typing import Any


def find_connection(connection_id: str) -> Any | None:
    """The connection of this name, or None where nobody made one."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return None
