"""``test``, ``check`` and ``lock``: what a change has to pass, and how the dependencies are pinned."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from baton_local.layout import PROJECT

console = Console(highlight=False)
BIN = Path(sys.executable).parent

LOCK_COMMAND = "./baton lock"
LOCKS = {
    "requirements.txt": ["pyproject.toml", "--group", "workloads", "--group", "local", "--group", "dev"],
    "include/baton_workloads/requirements.txt": ["--group", "workloads", "--constraint", "requirements.txt"],
}

SIDE_BY_SIDE = ["-n", "3", "--dist", "loadscope", "--no-loadscope-reorder"]
"""The whole ordinary run waits more than it computes: three processes share it, see tests/side_by_side.py."""

Command = list[str]


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(str(PROJECT / name) for name in ("plugins", "include", "config"))
    return {**os.environ, "PYTHONPATH": paths, "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])}


def _run(command: Command) -> int:
    return subprocess.run(command, cwd=PROJECT, env=_environment(), check=False).returncode


def test(
    context: typer.Context,
    soak: Annotated[
        bool, typer.Option("--soak", help="Also what takes long: faults by the dozen, large scales.")
    ] = False,
) -> None:
    """Run the tests. Further words go to pytest, as in `./baton test tests/unit -k policy -x`."""
    raise typer.Exit(_run([sys.executable, "-m", "pytest", *pytest_words(context.args, soak=soak)]))


def pytest_words(words: list[str], *, soak: bool) -> list[str]:
    """Return pytest's command line: everything in three processes, a selection or what takes long in one."""
    selection = [] if soak else ["-m", "not soak"]
    division = [] if soak or words else SIDE_BY_SIDE
    return [*selection, *division, *words]


def _checks() -> dict[str, Command]:
    python = [sys.executable, "-m"]
    return {
        "format": [str(BIN / "ruff"), "format", "--check", "."],
        "lint": [str(BIN / "ruff"), "check", "."],
        "types": [*python, "mypy"],
        "import contracts": [str(BIN / "lint-imports")],
        "DAGS.md": [*python, "baton.dag_docs", "--check"],
    }


def check() -> None:
    """Lint, types, import contracts and drift of generated documents."""
    failed = []
    for name, command in _checks().items():
        began = time.monotonic()
        done = subprocess.run(command, cwd=PROJECT, env=_environment(), check=False, capture_output=True, text=True)
        took = time.monotonic() - began
        console.print(f"{'[green]✓[/]' if done.returncode == 0 else '[red]✗[/]'} {name} ({took:.0f} s)")
        if done.returncode != 0:
            failed.append(name)
            console.print((done.stdout + done.stderr).strip(), markup=False)
    if failed:
        console.print(f"\n{len(failed)} of {len(_checks())} checks failed: {', '.join(failed)}")
        raise typer.Exit(1)


def python(context: typer.Context) -> None:
    """Run the project's Python with its import paths, as in `./baton python benchmarks/handover.py`."""
    raise typer.Exit(_run([sys.executable, *context.args]))


def lock() -> None:
    """Pin the dependencies of pyproject.toml again, with hashes, for Python 3.11 to 3.13."""
    for output, selection in LOCKS.items():
        command = [
            str(BIN / "uv"), "pip", "compile", *selection, "--universal", "--python-version", "3.11",
            "--generate-hashes", "--no-annotate", "--custom-compile-command", LOCK_COMMAND,
            "--quiet", "--output-file", output,
        ]  # fmt: skip
        if _run(command) != 0:
            raise typer.Exit(1)
        console.print(f"wrote {output}")
