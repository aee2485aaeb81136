"""``./baton alerts …``: the stack's own token, all else is the plugin's command line."""

from __future__ import annotations

import os

import typer

from baton_local.cli.delegation import hand_over
from baton_local.layout import current_layout
from baton_local.settings import credentials
from baton_local.stack import running_stack

_ASKING = ("status", "on", "off", "list", "replay", "forget-refused")
"""What needs an Airflow."""


def alerts(context: typer.Context) -> None:
    """Alert routes: try them, see the receiver's state, switch it off and on, make tokens. See `./baton alerts --help`.

    With `$AIRFLOW_API_URL` and `$AIRFLOW_API_TOKEN` it is an Airflow elsewhere, else the running stack's.
    """
    layout = current_layout()
    if context.args == ["token"]:
        layout.make()
        print(credentials(layout.state).alerts_token)
        return
    asks_airflow = bool(context.args) and context.args[0] in _ASKING
    if asks_airflow and not os.environ.get("AIRFLOW_API_URL") and not {"--help", "-h"} & set(context.args):
        stack = running_stack(layout)
        os.environ["AIRFLOW_API_URL"] = stack.airflow.url
        os.environ["AIRFLOW_API_TOKEN"] = stack.api.token()
    hand_over("alerts", "baton.alerts.command", context.args)
