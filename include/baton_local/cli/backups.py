"""``./baton backups …``: hands over to the workloads' own command line, with the running stack's keys or your own."""

from __future__ import annotations

import os

import typer

from baton_local.cli.delegation import hand_over
from baton_local.layout import current_layout
from baton_local.postgres import binaries
from baton_local.stack import running_stack
from baton_local.supervision import Supervisor

STAGES = ("replicate", "prove")  # of whose Secrets an operator needs all; what both hold is taken from the second


def backups(context: typer.Context) -> None:
    """Backups: list them, look into them, verify, extract and restore. See `./baton backups --help`.

    With `$BATON_BACKUPS_URI` it is your own store, with the keys and `AWS_…` variables beside it; else the stack's.
    """
    layout = current_layout()
    own = os.environ.get("BATON_BACKUPS_URI") or os.environ.get("BATON_REPLICA_URI")
    if not own and Supervisor(layout).is_running():
        secrets = running_stack(layout).secrets()
        for stage in STAGES:
            os.environ.update(secrets[f"baton-{stage}"])
        if "--replica" in context.args:
            os.environ.update(secrets["baton-replicate"])
    # Ours first: a system's older pg_restore cannot read what a newer pg_dump has written.
    os.environ["PATH"] = os.pathsep.join([str(binaries()), os.environ.get("PATH", os.defpath)])
    hand_over("backups", "baton_workloads", context.args, place=["backup"])
