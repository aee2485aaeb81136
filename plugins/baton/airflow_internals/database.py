"""Airflow's database: transactions in it, and its type for moments.

Airflow promises neither its tables nor the way to them. `scoped=False` in `create_session` gives a session of its own,
not the one that a thread shares with Airflow's code.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import UtcDateTime

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["UtcDateTime", "transaction"]


def transaction() -> AbstractContextManager[Session]:
    """A transaction of its own: committed at the end of the block, rolled back by an exception."""
    return create_session(scoped=False)
