"""``./baton policy …``: hands over to the workloads' own command line, which runs by itself too."""

from __future__ import annotations

import typer

from baton_local.cli.delegation import hand_over


def policy(context: typer.Context) -> None:
    """Anonymisation policies: `init` writes first ones from a source's schema. See `./baton policy --help`."""
    hand_over("policy", "baton_workloads", context.args, place=["etl", "policy"])
