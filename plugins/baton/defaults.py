"""What every DAG has in common; a DAG states only its differences.

Nobody is notified of failures here: the watch (`baton_workloads.watch`) sees the runs of every DAG from outside, which
a callback in a dead worker cannot.

Retries go by the class of the error, not by luck: what is permanent (data, policy, configuration) fails at once,
the rest is tried again. The delay between tries is the installation's `[core]
default_task_retry_delay`, so that a test stack need not wait as long as production does.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from baton.exceptions import PermanentError
from baton.queues import Queue
from baton.settings import settings

_SETTINGS = settings()
OWNER = _SETTINGS.owner
NAMESPACE = _SETTINGS.namespace
"""Where pods run."""
WORKLOADS_IMAGE = _SETTINGS.workloads_image
"""What pods run; a cluster needs its registry's name here."""
POD_SCHEDULE_SECONDS = _SETTINGS.pod_schedule_seconds
"""How long a pod may wait for a node with room. On a busy cluster it waits for others' ends or for a new node; while it
does, its task is deferred and costs nothing."""
POD_START_SECONDS = _SETTINGS.pod_start_seconds
"""How long it may take from there to its start: pulled images, mounted volumes."""
TIMEZONE = _SETTINGS.timezone
"""In which the DAGs' schedules are meant, and in which a run's day begins."""


def default_args(queue: Queue = Queue.DEFAULT, **differences: Any) -> dict[str, Any]:
    """Return the `default_args` of a DAG of this project.

    :param queue: whose share of the workers its tasks use.
    :param differences: what this DAG wants otherwise, as operator arguments.
    """
    return {
        "owner": OWNER,
        "retries": 2,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=15),
        "retry_policy": RETRY_POLICY,
        "execution_timeout": timedelta(hours=2),
        **({} if queue == Queue.DEFAULT else {"queue": queue.value}),  # an Airflow may have its own default queue
        **differences,
    }


RETRY_POLICY = ExceptionRetryPolicy(
    rules=[RetryRule(exception=PermanentError, action=RetryAction.FAIL, reason="a permanent error")],
)
