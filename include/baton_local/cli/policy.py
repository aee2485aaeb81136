"""``./baton policy …``: hands over to the workloads' own command line, which runs by itself too."""

from __future__ import annotations

import os
import sys

import typer


def policy(context: typer.Context) -> None:
    """Anonymisation policies: `init` writes first ones from a source's schema. See `./baton policy --help`."""
    os.environ["BATON_PROGRAM"] = "./baton policy=etl policy"
    arguments = [sys.executable, "-m", "baton_workloads", "etl", "policy", *context.args]
    os.execv(sys.executable, arguments)
