"""Logging of a stack on one machine, whose components share one folder of logs and run no log servers.

Why: Airflow's log servers listen on all addresses and have no setting for it. What they would serve of a task that
still runs stands in the shared folder, as the log of a task that has ended does.
"""

from __future__ import annotations

import copy
from typing import Any

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG

from baton.airflow_internals.task_log import SharedFolderTaskHandler

LOGGING_CONFIG: dict[str, Any] = copy.deepcopy(DEFAULT_LOGGING_CONFIG)
LOGGING_CONFIG["handlers"]["task"]["class"] = f"{SharedFolderTaskHandler.__module__}.{SharedFolderTaskHandler.__name__}"
