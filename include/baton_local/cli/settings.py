"""``./baton settings``: hands over to the plugin's own command line, which a team's own Airflow has too."""

from __future__ import annotations

import os

import typer

from baton_local.cli.delegation import hand_over
from baton_local.layout import current_layout


def settings(context: typer.Context) -> None:
    """What this installation decides, and where each setting comes from. See `./baton settings --help`."""
    project = current_layout().project
    os.environ.setdefault("BATON_SETTINGS_FILE", str(project / "config" / "baton.yaml"))
    hand_over("settings", "baton.settings_command", context.args)
