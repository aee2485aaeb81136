"""How many tasks this installation runs at the same time, and how many it does run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.configuration import conf
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import func, select

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def workers(session: Session) -> tuple[int, int]:
    """Places for tasks in all, and how many of them are taken. Tasks that are handed to an executor count as taken."""
    taken = session.scalar(select(func.count()).where(TaskInstance.state.in_(("queued", "running", "restarting"))))
    return conf.getint("core", "parallelism"), int(taken or 0)
