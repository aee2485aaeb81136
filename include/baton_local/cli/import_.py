"""``./baton import …``: hands over to the plugin's own command line, which a team's own Airflow has too."""

from __future__ import annotations

import os
import sys

import typer

from baton_local.layout import current_layout


def import_(context: typer.Context) -> None:
    """CronJobs as DAGs: what becomes of each field, what could be chained. See `./baton import --help`."""
    project = current_layout().project
    os.environ["PYTHONPATH"] = os.pathsep.join(str(project / name) for name in ("plugins", "include"))
    os.execv(sys.executable, [sys.executable, "-m", "baton.jobs.import_command", *context.args])
