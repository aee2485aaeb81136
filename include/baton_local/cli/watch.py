"""``./baton watch``: hands over to the workloads' own command line, which runs by itself too."""

from __future__ import annotations

import os

import typer

from baton_local.cli.delegation import hand_over
from baton_local.layout import current_layout
from baton_local.stack import running_stack


def watch(context: typer.Context) -> None:
    """Tell what fails, what works again, and that Airflow starts nothing. See `./baton watch --help`.

    Looks at the running stack every ten seconds and prints; with `$BATON_AIRFLOW_URL` at an Airflow elsewhere, and
    tells whoever the environment names (docs/failure-notices.md).
    """
    layout, words = current_layout(), list(context.args)
    if not os.environ.get("BATON_AIRFLOW_URL") and not {"--help", "-h"} & set(words):
        os.environ |= running_stack(layout).airflow.watch_environment(notifies=False)
        os.environ.setdefault("BATON_WATCH_MEMORY", (layout.state / "watch-terminal.json").as_uri())
        words = words or ["--every", "10", "--print"]
    hand_over("watch", "baton_workloads", words, place=["watch"])
