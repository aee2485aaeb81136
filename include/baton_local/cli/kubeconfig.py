"""``./baton kubeconfig``: how kubectl and other clients reach the local Kubernetes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from baton_local.errors import StackError
from baton_local.layout import current_layout
from local_kubernetes import kubeconfig as files


def kubeconfig(
    path: Annotated[bool, typer.Option("--path", help="Print only where it is: export KUBECONFIG=$(…).")] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="Add it to the first file of $KUBECONFIG, or to ~/.kube/config.")
    ] = False,
    context: Annotated[str, typer.Option(help="The context's name there.")] = "baton",
) -> None:
    """Print the local Kubernetes' kubeconfig, or merge it into yours.

    The current context stays as it is: `kubectl --context baton get pods`.
    """
    source = current_layout().kubeconfig
    if not source.exists():
        raise StackError("the local Kubernetes has not run yet: start it with ./baton up")
    if not merge:
        print(source if path else source.read_text(), end="\n" if path else "")
        return
    target = _target()
    try:
        files.merge(source, target, context)
    except files.KubeconfigError as err:
        raise StackError(f"{err}; nothing was changed") from err
    print(f"Context {context} is in {target}: kubectl --context {context} get pods")


def _target() -> Path:
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(named).expanduser() if named else Path.home() / ".kube" / "config"
