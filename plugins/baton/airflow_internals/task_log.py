"""A task's log as the API server reads it, for a stack whose components share one folder of logs.

Used where `config/shared_folder_logs.py` is the logging configuration; the wheel alone changes no log.
"""

from __future__ import annotations

from typing import Any

from airflow.utils.log.file_task_handler import FileTaskHandler


class SharedFolderTaskHandler(FileTaskHandler):
    """Reads all logs of tasks from the folder."""

    def _read_from_logs_server(self, *_: Any) -> tuple[list[str], list[Any]]:
        """Ask no server: there is none."""
        return [], []
