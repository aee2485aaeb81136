"""A deferral that Airflow refuses, because the task was marked or cleared while its worker was still at it.

The worker goes on then as if nothing were: nobody calls `on_kill`, no trigger will run, and what the task has started
in the cluster would run on for nobody. Airflow calls this module as a listener in the task's process.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)

STILL_GOES_ON = ("deferred", "scheduled", "queued", "running")
"""States of a task that was deferred; the trigger may have fired already."""

_current: list[Any] = []
"""The task instance of this process."""


@hookimpl
def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:
    """Note which task this process runs."""
    _current[:] = [task_instance]


@hookimpl
def before_stopping(component: Any) -> None:
    """Call the operator's `on_kill` if its task was deferred here and goes on nowhere."""
    for instance in _current:
        if getattr(instance.task, "ends_with_its_task", False) and instance.state == "deferred":
            state = _state(instance)
            if state not in STILL_GOES_ON:
                log.info("The task is %s and was not deferred: ending what it has started", state or "cleared")
                instance.task.on_kill()
    _current.clear()


def _state(instance: Any) -> str | None:
    """What Airflow says about the task instance now, None if it was cleared or is gone."""
    states = instance.get_task_states(
        dag_id=instance.dag_id, task_ids=[instance.task_id], run_ids=[instance.run_id], map_index=instance.map_index
    )
    return next((state for run in states.values() for state in run.values()), None)
