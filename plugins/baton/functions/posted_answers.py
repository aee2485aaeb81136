"""Answers that were posted to callback addresses, kept for the tasks that wait for them."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from baton.airflow_internals.task_states import TaskStates, task_states
from baton.functions.callback_tokens import Callback
from baton.functions.stored_reply import state_key, supersedes

KEEP_SECONDS = 7 * 24 * 3600
"""How long after the address has expired an answer is kept, for retries and for people who look."""


class PostedAnswers:
    """Blocks: call it from a thread."""

    def has(self, callback: Callback) -> bool:
        """Whether an answer is there."""
        with _states(callback) as states:
            return states.get(state_key(callback.call_id)) is not None

    def put(self, callback: Callback, stored: dict[str, Any]) -> bool:
        """Keep an answer; the first one stays, unless it is a failure and this a success. Returns whether it is kept.

        :raises baton.airflow_internals.task_states.RunIsGoneError: nobody waits for it any more.
        """
        key = state_key(callback.call_id)
        with _states(callback) as states:
            earlier = states.get(key)
            if earlier is not None and not supersedes(stored, json.loads(earlier)):
                return False
            states.set(key, json.dumps(stored), datetime.fromtimestamp(callback.expires_at + KEEP_SECONDS, UTC))
            return True


def _states(callback: Callback) -> AbstractContextManager[TaskStates]:
    return task_states(callback.dag_id, callback.run_id, callback.task_id, callback.map_index)
