"""Airflow's task state store, as the API server reaches it: by the database, for any task.

Why not a table of our own: what a task waits for belongs to the task. It is deleted with the run, expires by Airflow's
own rules, and the task reads it by `context["task_state_store"]`. `airflow.state` is not a stable interface; it is used
here and nowhere else.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from airflow.state import TaskScope, get_state_backend
from airflow.utils.session import create_session

from baton.functions.callback_tokens import Callback
from baton.functions.stored_reply import state_key, supersedes

KEEP_SECONDS = 7 * 24 * 3600
"""How long after the address has expired an answer is kept, for retries and for people who look."""


class RunIsGoneError(Exception):
    """The run that waited was deleted."""


class TaskStates:
    """Answers to calls, kept for the tasks that wait. Blocks: call it from a thread."""

    def has(self, callback: Callback) -> bool:
        """Whether an answer is there."""
        with create_session() as session:
            found: str | None = get_state_backend().get(_scope(callback), state_key(callback.call_id), session=session)
            return found is not None

    def put(self, callback: Callback, stored: dict[str, Any]) -> bool:
        """Keep an answer; the first one stays, unless it is a failure and this a success. Returns whether it is kept.

        :raises RunIsGoneError: nobody waits for it any more.
        """
        backend, scope, key = get_state_backend(), _scope(callback), state_key(callback.call_id)
        expires_at = datetime.fromtimestamp(callback.expires_at + KEEP_SECONDS, UTC)
        with create_session() as session:
            earlier = backend.get(scope, key, session=session)
            if earlier is not None and not supersedes(stored, json.loads(earlier)):
                return False
            try:
                backend.set(scope, key, json.dumps(stored), expires_at=expires_at, session=session)
            except ValueError as err:  # its only one: there is no such run
                raise RunIsGoneError(callback.run_id) from err
            return True


def _scope(callback: Callback) -> TaskScope:
    return TaskScope(callback.dag_id, callback.run_id, callback.task_id, callback.map_index)
