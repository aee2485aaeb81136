"""Logging of a stack on one machine, whose components share one folder of logs and run no log servers.

Why: Airflow's log servers listen on all addresses and have no setting for it. What they would serve of a task that
still runs stands in the shared folder, as the log of a task that has ended does.
"""

from __future__ import annotations

import copy
from typing import Any

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG
from airflow.utils.log.file_task_handler import FileTaskHandler


class SharedFolderTaskHandler(FileTaskHandler):
    """Reads all logs of tasks from the folder."""

    def _read_from_logs_server(self, *_: Any) -> tuple[list[str], list[Any]]:
        """Ask no server: there is none."""
        return [], []


LOGGING_CONFIG: dict[str, Any] = copy.deepcopy(DEFAULT_LOGGING_CONFIG)
LOGGING_CONFIG["handlers"]["task"]["class"] = f"{__name__}.{SharedFolderTaskHandler.__name__}"
