"""``./baton adopt …``: hands over to the plugin's own command line, with the running stack's Airflow and its token."""

from __future__ import annotations

import os

import typer

from baton_local.cli.delegation import hand_over
from baton_local.layout import current_layout
from baton_local.stack import running_stack


def adopt(context: typer.Context) -> None:
    """Airflow takes a CronJob's ticks over from the cluster, or gives them back. See `./baton adopt --help`.

    With `$AIRFLOW_API_URL` and `$AIRFLOW_API_TOKEN` it is an Airflow elsewhere, else the running stack's; with
    `$KUBECONFIG` or `--context` the cluster elsewhere, else the local Kubernetes.
    """
    layout = current_layout()
    if not os.environ.get("AIRFLOW_API_URL") and not {"--help", "-h"} & set(context.args):
        stack = running_stack(layout)
        os.environ["AIRFLOW_API_URL"] = stack.airflow.url
        os.environ["AIRFLOW_API_TOKEN"] = stack.api.token()
        os.environ.setdefault("KUBECONFIG", str(layout.kubeconfig))
    os.environ.setdefault("AIRFLOW_API_URL", "")
    hand_over("adopt", "baton.cronjobs.adopt.command", context.args)
