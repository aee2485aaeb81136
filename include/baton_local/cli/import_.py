"""``./baton import …``: hands over to the plugin's own command line, which a team's own Airflow has too."""

from __future__ import annotations

import os
import subprocess
import sys

import typer

from baton_local.cli.delegation import prepared
from baton_local.layout import Layout, current_layout
from baton_local.supervision import Supervisor
from local_kubernetes.images import Images, NoRuntimeError

OWN_CLUSTER = (
    "--from-cluster",
    "--check",
    "--needs",
    "--kubeconfig",
    "--context",
    "--json",
    "--images",
    "--fix",
    "--crontab",
    "--systemd",
    "--help",
    "-h",
)
"""Words with which a user says what to look at; else the local Kubernetes is asked what it lacks, if it runs."""


def import_(context: typer.Context) -> None:
    """CronJobs as DAGs: what becomes of each field, what could be chained. See `./baton import --help`."""
    layout = current_layout()
    command = prepared("import", "baton.cronjobs.importing.command", context.args)
    is_own = any(word.partition("=")[0] in OWN_CLUSTER for word in context.args)
    if is_own or not context.args or not Supervisor(layout).is_running():
        os.execv(command[0], command)
    given = sys.stdin.buffer.read() if "-" in context.args else None  # it is read twice below
    code = subprocess.run(
        [*command, "--needs", "--kubeconfig", str(layout.kubeconfig)], input=given, check=False
    ).returncode
    asked = subprocess.run([*command, "--images"], input=given, check=False, stdout=subprocess.PIPE).stdout.decode()
    for text in _unknown(layout, asked.split()):
        print(f"baton import: {text}", file=sys.stderr)
    raise typer.Exit(code)


def _unknown(layout: Layout, images: list[str]) -> list[str]:
    """Why each image of which the local Kubernetes can run nothing cannot be run."""
    # Which runtime fits counts here, not where it is.
    places = dict.fromkeys(("project", "venv", "postgres"), "")
    known = Images(layout.project / "include" / "manifests" / "images.yaml", places)
    texts = []
    for image in images:
        try:
            known.find(image)
        except NoRuntimeError as err:
            texts.append(str(err))
    return texts
