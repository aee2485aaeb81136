"""Airflow's task state store, as the API server reaches it: by the database, for any task.

Why not a table of our own: what a task waits for belongs to the task. It is deleted with the run, expires by Airflow's
own rules, and the task reads it by `context["task_state_store"]`. `airflow.state` is not a stable interface; it is used
here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.state import TaskScope, get_state_backend
from airflow.utils.session import create_session


class RunIsGoneError(Exception):
    """The run of the task was deleted."""


@dataclass(frozen=True, slots=True)
class TaskStates:
    """The states of one task, within one transaction."""

    _session: Any
    _scope: TaskScope

    def get(self, key: str) -> str | None:
        """What is stored, None if there is nothing."""
        found: str | None = get_state_backend().get(self._scope, key, session=self._session)
        return found

    def set(self, key: str, text: str, expires_at: datetime) -> None:
        """Store it.

        :raises RunIsGoneError: nobody can read it any more.
        """
        try:
            get_state_backend().set(self._scope, key, text, expires_at=expires_at, session=self._session)
        except ValueError as err:  # its only one: there is no such run
            raise RunIsGoneError(self._scope.run_id) from err


@contextmanager
def task_states(dag_id: str, run_id: str, task_id: str, map_index: int) -> Iterator[TaskStates]:
    """Open the states of one task. Blocks: call it from a thread."""
    with create_session() as session:
        yield TaskStates(session, TaskScope(dag_id, run_id, task_id, map_index))
