"""``./baton jobs …``: hands over to the plugin's own command line, with the running stack's login or your own."""

from __future__ import annotations

import os

import typer

from baton_local.cli.delegation import hand_over
from baton_local.layout import current_layout
from baton_local.stack import running_stack
from baton_local.supervision import Supervisor


def jobs(context: typer.Context) -> None:
    """Jobs in files: check, list, explain and run them. See `./baton jobs --help`."""
    layout = current_layout()
    os.environ.setdefault("BATON_SETTINGS_FILE", str(layout.project / "config" / "baton.yaml"))
    if "BATON_AIRFLOW_URL" not in os.environ and Supervisor(layout).is_running():
        stack = running_stack(layout)
        os.environ["BATON_AIRFLOW_URL"] = stack.airflow.url
        os.environ["BATON_AIRFLOW_USER"] = stack.credentials.ui_user
        os.environ["BATON_AIRFLOW_PASSWORD"] = stack.credentials.ui_password
    hand_over("jobs", "baton.jobs.command", context.args)
